//! One kill, and everything that must hold after it.

use crate::{
    Result,
    agree::disagreements,
    calls::Call,
    lab::Lab,
    runbooks::words,
    runs::Runs,
    shadow::{Loss, Shadow},
    tracer::{Ended, Point},
    world::differences,
};

/// What came of one point.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// The run had ended before: it made fewer calls than the one that was counted.
    NotReached,
    Failed(Call, Vec<String>),
}

/// Kills a run at the point, and checks what is left. `loss`: the power goes too.
pub(crate) fn attempt(lab: &Lab, point: Point, loss: Option<Loss>) -> Result<Outcome> {
    let mut shadow = None;
    let (ended, _) = lab.run_until(Some(point), loss.is_some().then_some(&mut shadow))?;
    let call = match ended {
        Ended::Killed(call) => call,
        Ended::Exited(code) if code == lab.entry.exits => return Ok(Outcome::NotReached),
        Ended::Exited(code) => {
            return Err(format!("not killed, it ended with {code}: {}", lab.printed()).into());
        }
    };
    let mut problems = Vec::new();
    if let (Some(loss), Some(shadow)) = (loss, shadow) {
        problems.extend(lose_power(lab, &shadow, loss)?);
    }
    problems.extend(lab.home.exposed()?);
    problems.extend(or_error(explained(lab)));
    problems.extend(or_error(converges(lab)));
    problems.extend(lab.home.exposed()?);
    if lab.entry.undo {
        problems.extend(or_error(lab.undone()));
    }
    let names = lab.names()?;
    let left = names.difference(&lab.expected.names);
    problems.extend(left.map(|name| format!("a file is left over: {name}")));
    Ok(if problems.is_empty() { Outcome::Passed } else { Outcome::Failed(call, problems) })
}

/// Discards what is not durable. Returns where the file system and the shadow differ in that.
fn lose_power(lab: &Lab, shadow: &Shadow, loss: Loss) -> Result<Vec<String>> {
    let Some(mounted) = &lab.mounted else {
        shadow.restore(loss)?;
        return Ok(Vec::new());
    };
    mounted.lose_power()?;
    disagreements(shadow, lab.home.path())
}

/// A question that can't be asked is a problem as well.
fn or_error(found: Result<Vec<String>>) -> Vec<String> {
    found.unwrap_or_else(|error| vec![error.to_string()])
}

/// The run is listed as what it is, and shown. One that is not listed has changed nothing.
fn explained(lab: &Lab) -> Result<Vec<String>> {
    let runs = Runs::of(&lab.home)?;
    let mut problems = Vec::new();
    let shown = lab.home.run(&words(&["runs", "show", "latest"]))?;
    if runs.all.len() == lab.earlier {
        let differ = differences(&lab.start.seen(), &lab.stage.now().seen());
        problems.extend(
            differ.into_iter().map(|line| format!("changed, and no run is listed: {line}")),
        );
    }
    let Some(newest) = runs.all.first() else {
        if shown.code != Some(64) || !shown.err.contains("there are no runs yet") {
            problems.push(format!("runs show latest, without a run: {shown}"));
        }
        return Ok(problems);
    };
    if shown.code != Some(0) {
        problems.push(format!("runs show latest: {shown}"));
    }
    // A command that keeps no run is not explained by one.
    let is_new = runs.all.len() > lab.earlier;
    let says_so = shown.out.contains("killed") || shown.err.contains("killed");
    match newest.outcome.as_str() {
        "killed" if says_so => {}
        // Killed after it had reported.
        "done" if !says_so => {}
        _ if !is_new => {}
        other => {
            problems.push(format!("the killed run is listed as {other}, and shown so: {shown}"))
        }
    }
    Ok(problems)
}

/// The same command comes to the same end, with nothing lost, twice or left over.
fn converges(lab: &Lab) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let sweep = words(&["runs", "sweep", "--yes"]);
    for (args, exits) in [(words(lab.entry.args), lab.entry.exits), (sweep, 0)] {
        let ran = lab.home.run(&args)?;
        if ran.code != Some(exits) {
            problems.push(format!("omega-cli {}: {ran}", args.join(" ")));
        }
    }
    let differ = differences(&lab.expected.end, &lab.stage.now().seen());
    problems.extend(differ.into_iter().map(|line| format!("after the second run: {line}")));
    Ok(problems)
}
