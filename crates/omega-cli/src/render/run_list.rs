//! The list of runs.

use std::time::Duration;

use omega::{
    core::ChangeKind,
    run::{ChangeCounts, Outcome, RunInfo, RunOutcome},
};

use super::progress::seconds;

/// Returns a table: what each run did, how it ended, changes, time, site. A site that does not fit into
/// `width` columns, and which runs it rolls back, stand below.
pub(crate) fn run_list(runs: &[(RunInfo, RunOutcome)], width: usize) -> String {
    let head = ["RUN", "COMMAND", "OUTCOME", "CHANGES", "TOOK"].map(str::to_owned);
    let rows: Vec<_> = runs.iter().map(|(run, outcome)| cells(run, outcome)).collect();
    let mut widths = head.each_ref().map(String::len);
    for row in &rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = cell.chars().count().max(*wide);
        }
    }
    let fits = |site: &str| widths.iter().sum::<usize>() + 2 * widths.len() + site.len() <= width;
    let beside = runs.iter().all(|(run, _)| fits(&run.site));
    let mut lines = vec![line(&head, widths, if beside { "SITE" } else { "" })];
    for ((run, _), row) in runs.iter().zip(&rows) {
        lines.push(line(row, widths, if beside { &run.site } else { "" }));
        if !beside {
            lines.push(format!("  site {}", run.site));
        }
        if !run.rolls_back.is_empty() {
            lines.push(format!("  rolls back {}", run.rolls_back.join(", ")));
        }
    }
    lines.join("\n")
}

/// Returns what a run was, for the page of that run.
pub(crate) fn run_head(run: &RunInfo, outcome: &RunOutcome) -> Vec<String> {
    let [id, command, state, changes, took] = cells(run, outcome);
    let took = if took.is_empty() { took } else { format!(", {took}") };
    let began = run.began.strftime("%Y-%m-%d %H:%M:%S UTC");
    let mut lines = vec![
        format!("Run {id}: {command}, {state}, changes: {changes}"),
        format!("  began {began}{took}; site {}", run.site),
    ];
    if !run.rolls_back.is_empty() {
        lines.push(format!("  rolls back {}", run.rolls_back.join(", ")));
    }
    lines
}

fn line(cells: &[String; 5], widths: [usize; 5], last: &str) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, wide)| format!("{cell:<wide$}"));
    let line = padded.chain([last.to_owned()]).collect::<Vec<_>>().join("  ");
    line.trim_end().to_owned()
}

fn cells(run: &RunInfo, outcome: &RunOutcome) -> [String; 5] {
    let RunOutcome { outcome, changes, uncertain, kinds, seconds: took, .. } = outcome;
    let state = match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
        Outcome::Deadline => "timed out",
        Outcome::Running => "running",
        Outcome::Damaged => "damaged",
        Outcome::Killed | _ => "killed",
    };
    let changes = match (changes, uncertain) {
        (None, _) => "journal damaged".to_owned(),
        (Some(some), 0) => by_kind(*some, *kinds),
        (Some(some), open) => format!("{}, {open} uncertain", by_kind(*some, *kinds)),
    };
    let took = took.and_then(|took| Duration::try_from_secs_f64(took).ok());
    let took = took.map(seconds).unwrap_or_default();
    // How long it went on after its last write nobody knows.
    let took =
        if state == "killed" && !took.is_empty() { format!("at least {took}") } else { took };
    // It has the name of what it rolls back.
    let command = match run.rolls_back.as_slice() {
        [] => run.runbook.clone(),
        _ if run.runbook == "rollback" => run.runbook.clone(),
        _ => format!("rollback of {}", run.runbook),
    };
    [run.id.clone(), command, state.to_owned(), changes, took]
}

/// The changes with the signs of a plan, or only their number if not each one's kind is known.
fn by_kind(all: usize, kinds: ChangeCounts) -> String {
    let ChangeCounts { created, updated, deleted, .. } = kinds;
    if all == 0 || created + updated + deleted != all {
        return all.to_string();
    }
    let signs = [
        (ChangeKind::Create, created),
        (ChangeKind::Update, updated),
        (ChangeKind::Delete, deleted),
    ];
    let signs = signs.into_iter().filter(|(_, count)| *count > 0);
    signs.map(|(kind, count)| format!("{}{count}", kind.sign())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(runbook: &str, outcome: &str, uncertain: usize) -> (RunInfo, RunOutcome) {
        let info = serde_json::json!({
            "id": "2026-11-28T21-10-28Z-e0b7", "runbook": runbook, "began": "2026-11-28T21:10:28Z",
            "site": "sites/omega.toml",
            "rolls_back": if runbook == "rollback" { vec!["2026-11-28T21-09-00Z-0001"] } else { vec![] },
        });
        let outcome = serde_json::json!({
            "outcome": outcome, "changes": 3, "uncertain": uncertain, "seconds": 63.0,
            "kinds": { "created": 2, "updated": uncertain, "deleted": 1 },
        });
        (serde_json::from_value(info).unwrap(), serde_json::from_value(outcome).unwrap())
    }

    #[test]
    fn a_terminal_of_80_columns_is_enough() {
        let (info, killed) = run("graft", "killed", 0);
        assert_eq!(cells(&info, &killed)[4], "at least 1 min 3 s");
        let runs = [run("graft", "done", 0), run("rollback", "interrupted", 1)];
        insta::assert_snapshot!(run_list(&runs, 120), @r"
        RUN                        COMMAND   OUTCOME      CHANGES         TOOK       SITE
        2026-11-28T21-10-28Z-e0b7  graft     done         +2 -1           1 min 3 s  sites/omega.toml
        2026-11-28T21-10-28Z-e0b7  rollback  interrupted  3, 1 uncertain  1 min 3 s  sites/omega.toml
          rolls back 2026-11-28T21-09-00Z-0001
        ");
        insta::assert_snapshot!(run_list(&runs, 80), @r"
        RUN                        COMMAND   OUTCOME      CHANGES         TOOK
        2026-11-28T21-10-28Z-e0b7  graft     done         +2 -1           1 min 3 s
          site sites/omega.toml
        2026-11-28T21-10-28Z-e0b7  rollback  interrupted  3, 1 uncertain  1 min 3 s
          site sites/omega.toml
          rolls back 2026-11-28T21-09-00Z-0001
        ");
    }
}
