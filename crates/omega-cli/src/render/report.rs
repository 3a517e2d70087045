//! Renders a report as text: what would be done, what was done, and the next command.

use std::time::Duration;

use omega::{
    core::{Entry, ItemState, Note, Preview, StepId, TargetPreview, Touched},
    graft::{GRAFT, Proven},
    run::{Counts, Leftover, Recap, Report, Status},
};

use super::{Console, Screen, capi::finding, failure, plan, recap, seconds, show_notes};
use crate::command_line::CommandLine;

/// Shows what a command found and did. `next`: the command that applies the plan.
pub(crate) fn report(
    screen: &Screen,
    console: &Console,
    report: &Report,
    next: Option<&CommandLine>,
) {
    console.done();
    for one in &report.findings {
        screen.text(&finding(one, screen));
    }
    match (report.command, &report.run) {
        ("plan", _) => {
            plan(screen, &report.looked);
            if let Some(blocker) = &report.failure {
                console.fail(&failure(blocker, None, screen));
            }
            if let Some(next) = next.filter(|_| report.exit == Status::Pending) {
                screen.text(&format!("Next:  {next}"));
            }
        }
        (_, None) if report.exit == Status::Done => {
            let found = Recap::of(report.looked.iter().flat_map(TargetPreview::items));
            let holds = facts(found.unchanged);
            let holds =
                if report.command == "apply" { format!("Nothing to do: {holds}") } else { holds };
            if let Some(only) = only_fact(report) {
                show_notes(screen, &only.notes.iter().collect::<Vec<_>>());
            }
            screen.prose(&all_unchanged(&holds, &found, report));
        }
        (_, None) => {
            plan(screen, &report.looked);
            if let Some(blocker) = &report.failure {
                console.fail(&failure(blocker, None, screen));
            }
        }
        (_, Some(run)) => done(screen, console, report, run),
    }
}

fn done(screen: &Screen, console: &Console, report: &Report, run: &str) {
    if let Some(stopped) = &report.failure {
        console.fail(&failure(stopped, Some(run), screen));
    }
    let mut notes: Vec<&Note> = Vec::new();
    for note in report.done.iter().flat_map(|target| &target.items).flat_map(|item| &item.notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    show_notes(screen, &notes);
    let took = seconds(Duration::from_secs_f64(report.seconds));
    let what = if report.failure.is_none() { "Done" } else { "Stopped" };
    screen.prose(&format!("{what} in {took}: {}.", recap(&report.recap)));
    if console.names_runs() {
        let back = report.reversible.then(|| rollback(&report.task, run, &report.site));
        let back = back.map(|command| format!(", {command}")).unwrap_or_default();
        screen.prose(&format!("Run {run} (omega-cli runs show {run}{back})."));
    }
}

/// The fact of a single operation: what there is to know of it is worth a line, also where nothing was to be
/// done. A graft's notes are those of its plan.
fn only_fact(report: &Report) -> Option<&Preview> {
    let mut items = report.looked.iter().flat_map(TargetPreview::items);
    match (items.next().map(|item| &item.found), items.next()) {
        (Some(ItemState::Preview(only)), None) => Some(only),
        _ => None,
    }
}

/// Returns the command that undoes the run. A graft is undone with the runs that it resumed.
fn rollback(task: &str, run: &str, site: &str) -> CommandLine {
    let which = if task == GRAFT { &[GRAFT][..] } else { &["--run", run] };
    let words = ["omega-cli", "rollback"].iter().chain(which);
    CommandLine::new(words.map(Into::into)).with("--site", site)
}

/// `21 facts hold on 3 units (1.9 s, remote executions: 3, requests: 2).`
fn all_unchanged(holds: &str, recap: &Recap, report: &Report) -> String {
    let Counts { units, executions, requests, .. } = report.counts;
    let units = match units {
        0 => String::new(),
        1 => " on 1 unit".to_owned(),
        many => format!(" on {many} units"),
    };
    let deferred = match recap.deferred {
        0 => String::new(),
        some => format!(", {some} deferred"),
    };
    let took = seconds(Duration::from_secs_f64(report.seconds));
    format!(
        "{holds}{units}{deferred} ({took}, remote executions: {executions}, requests: {requests})."
    )
}

/// `1 fact holds`, `21 facts hold`.
fn facts(count: usize) -> String {
    if count == 1 { "1 fact holds".to_owned() } else { format!("{count} facts hold") }
}

/// Returns the line for what a killed run left.
pub(crate) fn leftover(left: &Leftover) -> String {
    let step = &left.step;
    format!("{}  {} {} on {}", left.run.id, step.kind, step.key, step.target)
}

/// Returns the result of a proof, in a sentence.
pub(crate) fn proven(proven: &Proven) -> String {
    match proven {
        Proven::Template { name } => {
            format!("7.9 proven: template {name} was created and deleted.")
        }
        Proven::Cluster(proof) => format!(
            "7.9 proven: cluster {} CREATE_COMPLETE after {}, HEALTHY {} later, deleted in {}.",
            proof.cluster.name,
            seconds(proof.created_in),
            seconds(proof.healthy_in),
            seconds(proof.deleted_in),
        ),
    }
}

/// Returns the lines for one entry of a journal. The beginning and end of a change are not shown. `names`:
/// what each step is about, for people; its identity if that is not known.
pub(crate) fn entry(entry: &Entry, names: &[(StepId, String)]) -> Vec<String> {
    let subject = |step: &StepId| match names.iter().find(|(one, _)| one == step) {
        Some((_, name)) => name.clone(),
        None => format!("{} {}", step.kind, step.key),
    };
    match entry {
        Entry::Intent { step, changes, undo, temporary, .. } => {
            let how = match (undo, temporary) {
                (_, true) => " (temporary)",
                (Some(_), false) => "",
                (None, false) => " (cannot be undone)",
            };
            changes.iter().map(|change| format!("{}  {change}{how}", step.target)).collect()
        }
        Entry::Verified { step, .. } => {
            vec![format!("{}  verified {}", step.target, subject(step))]
        }
        Entry::Removed { step } => {
            vec![format!("{}  removed {}", step.target, subject(step))]
        }
        Entry::Failed { step, error, touched } => {
            let changed = match touched {
                Touched::Nothing => "changed nothing",
                Touched::Maybe => "possibly changed",
            };
            vec![format!("{}  failed {}: {error} ({changed})", step.target, subject(step))]
        }
        Entry::Document { name, sha256 } => vec![format!("{name}  sha256 {sha256}")],
        Entry::Applying { .. } | Entry::Applied { .. } | _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{facts, rollback};
    use crate::cli::{Cli, Command};

    #[test]
    fn one_fact_holds_and_several_hold() {
        assert_eq!((facts(1).as_str(), facts(21).as_str()), ("1 fact holds", "21 facts hold"));
    }

    #[test]
    fn the_command_that_undoes_a_run_is_one_that_the_program_takes() {
        let graft = rollback("graft", "2026-01-01T00-00-00Z-0001", "omega.toml").to_string();
        assert_eq!(graft, "omega-cli rollback graft --site omega.toml");
        let one = rollback("ensure-sg-rule", "2026-01-01T00-00-00Z-0001", "my site").to_string();
        assert_eq!(one, "omega-cli rollback --run 2026-01-01T00-00-00Z-0001 --site 'my site'");
        let parsed = |text: &str| {
            let command = Cli::parse_from(shlex::split(text).unwrap()).command;
            let Command::Rollback(args) = command else { panic!("{command:?}") };
            (args.runbook.is_some(), args.run)
        };
        assert_eq!(parsed(&graft), (true, None));
        assert_eq!(parsed(&one), (false, Some("2026-01-01T00-00-00Z-0001".to_owned())));
        assert!(Cli::try_parse_from(["omega-cli", "rollback"]).is_err(), "what is to be undone?");
    }
}
