//! What became of runs, and how they are named.

use serde::{Deserialize, Serialize};

use super::{RunInfo, Runs};
use crate::{Entry, Failure, FailureClass, Touched};

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunOutcome {
    /// How it ended.
    pub outcome: Outcome,
    /// The number of changes that were accepted or seen afterwards, of temporary resources too. `None`:
    /// its journal can't be read.
    pub changes: Option<usize>,
    /// The number of changes that may have been made or not: they were sent, and neither an answer nor a
    /// look confirmed them.
    #[serde(default)]
    pub uncertain: usize,
    /// How long it took, in seconds: as its report says, or until it last wrote to its journal.
    pub seconds: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// It was completed.
    Done,
    /// It ended with a failure.
    Failed,
    /// It was stopped by a signal, and reported that.
    Interrupted,
    /// It was stopped by its deadline (`--timeout`), and reported that.
    Deadline,
    /// It is not over.
    Running,
    /// There is no report of it: it was killed, or somebody removed the report.
    Killed,
    /// Its report can't be read: it was edited, is of another user, or a later version wrote it.
    Damaged,
}

/// Returns how a run with this report ended. The reports of acceptance had no exit code at first.
fn reported(report: &serde_json::Value) -> Outcome {
    let code = report.get("exit_code").and_then(serde_json::Value::as_u64);
    let verdict = report.get("verdict").and_then(serde_json::Value::as_str);
    // A deadline of something that was waited for is a failure as any other.
    let stopped = report.pointer("/failure/class").and_then(serde_json::Value::as_str)
        == Some("interrupted")
        || report.get("interrupted") == Some(&serde_json::Value::Bool(true));
    match code {
        Some(124) if stopped => Outcome::Deadline,
        Some(129 | 130 | 143) => Outcome::Interrupted,
        Some(0) => Outcome::Done,
        None if verdict.is_none_or(|word| word == "accepted") => Outcome::Done,
        Some(_) | None => Outcome::Failed,
    }
}

/// Returns how many changes were made, and how many may have been made.
fn counted(entries: &[Entry]) -> (usize, usize) {
    let (mut certain, mut open) = (0, Vec::new());
    for entry in entries {
        match entry {
            Entry::Applying { step, nth, .. } => open.push((step, *nth)),
            // Version 1 recorded no single changes, and no keys.
            Entry::Intent { step, changes, .. } if step.key.is_empty() => {
                open.extend((0..changes.len()).map(|nth| (step, nth)));
            }
            Entry::Applied { step, nth } => {
                open.retain(|one| *one != (step, *nth));
                certain += 1;
            }
            // Its answer was lost, and a look shows what it did.
            Entry::Verified { step, .. } => {
                let before = open.len();
                open.retain(|(one, _)| *one != step);
                certain += before - open.len();
            }
            Entry::Failed { step, touched: Touched::Nothing, .. } => {
                open.retain(|(one, _)| *one != step);
            }
            Entry::Removed { step } => open.retain(|(one, _)| *one != step),
            Entry::Intent { .. } | Entry::Document { .. } | Entry::Failed { .. } => {}
        }
    }
    (certain, open.len())
}

/// What to do while nothing has been changed from here.
pub(super) const NO_RUNS: &str = "a run is kept by each command that changes something; look for it on the machine and \
                       in the home of the user where that command ran";

impl Runs {
    /// Returns what became of `run`.
    pub fn outcome(&self, run: &RunInfo) -> RunOutcome {
        let report = self.report(&run.id);
        let has_file = self.path(&run.id).is_ok_and(|path| path.join("report.json").exists());
        let outcome = match &report {
            Some(report) => reported(report),
            None if self.is_alive(&run.id) => Outcome::Running,
            None if has_file => Outcome::Damaged,
            None => Outcome::Killed,
        };
        let entries = self.entries(&run.id).ok();
        let (changes, uncertain) = match entries.as_deref().map(counted) {
            Some((certain, uncertain)) => (Some(certain), uncertain),
            None => (None, 0),
        };
        let seconds = report.as_ref().and_then(|report| report.get("seconds")?.as_f64());
        let seconds = seconds.or_else(|| {
            let took = self.last_written(&run.id)?.duration_since(run.began);
            Some(took.as_secs_f64().max(0.0))
        });
        RunOutcome { outcome, changes, uncertain, seconds }
    }

    /// Returns the id of the run that `name` means: an id, the beginning of just one, or `latest`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or if several begin with `name`.
    pub fn resolve(&self, name: &str) -> Result<String, Failure> {
        if self.entries(name).is_ok() {
            return Ok(name.to_owned());
        }
        let (all, damaged) = self.all()?;
        if name == "latest" {
            // One that can't be read may be the newest.
            if let Some(damaged) = damaged.into_iter().next() {
                return Err(damaged);
            }
            let newest = all.into_iter().next().map(|run| run.id);
            return newest.ok_or_else(|| {
                Failure::new(FailureClass::Usage, "there are no runs yet").next(NO_RUNS)
            });
        }
        let ids: Vec<String> = all.into_iter().map(|run| run.id).collect();
        let found: Vec<_> = ids.iter().filter(|id| id.starts_with(name)).collect();
        match found.as_slice() {
            [one] if !name.is_empty() => Ok((*one).clone()),
            [_, _, ..] if !name.is_empty() => {
                let what = format!("{} runs begin with `{name}`", found.len());
                let names: Vec<_> = found.iter().map(|id| id.as_str()).collect();
                Err(Failure::new(FailureClass::Usage, what)
                    .next(format!("choose one: {}", names.join(", "))))
            }
            _ if ids.is_empty() && damaged.is_empty() => {
                let what = format!("there is no run `{name}`");
                Err(Failure::new(FailureClass::Usage, what)
                    .because("there are no runs yet")
                    .next(NO_RUNS))
            }
            // The run may be damaged: who reads it says so.
            _ => Ok(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ChangeKind, Diff, StepId, Subject};

    #[test]
    fn reports_of_every_kind_say_how_the_run_ended() {
        for (report, outcome) in [
            (json!({ "exit_code": 0 }), Outcome::Done),
            (json!({ "exit_code": 7 }), Outcome::Failed),
            (json!({ "exit_code": 124 }), Outcome::Failed),
            (json!({ "exit_code": 124, "failure": { "class": "deadline" } }), Outcome::Failed),
            (json!({ "exit_code": 124, "failure": { "class": "interrupted" } }), Outcome::Deadline),
            (
                json!({ "exit_code": 124, "verdict": "incomplete", "interrupted": true }),
                Outcome::Deadline,
            ),
            (json!({ "exit_code": 143 }), Outcome::Interrupted),
            (json!({ "exit_code": 0, "verdict": "incomplete" }), Outcome::Done),
            (json!({ "exit_code": 3, "verdict": "failed" }), Outcome::Failed),
            (json!({ "exit_code": 130, "verdict": "incomplete" }), Outcome::Interrupted),
            (json!({ "verdict": "accepted" }), Outcome::Done),
            (json!({ "verdict": "incomplete" }), Outcome::Failed),
        ] {
            assert_eq!(reported(&report), outcome, "{report}");
        }
    }

    #[test]
    fn a_write_without_an_answer_is_uncertain_until_a_look_shows_it() {
        let step = |key: &str| StepId {
            target: "magnum/0".to_owned(),
            kind: "file".to_owned(),
            key: key.to_owned(),
        };
        let applying = |key: &str, nth| Entry::Applying {
            step: step(key),
            nth,
            change: Diff::new(ChangeKind::Create, Subject::new("file", key), ""),
        };
        let applied = |key: &str, nth| Entry::Applied { step: step(key), nth };
        let failed = |touched| Entry::Failed { step: step("a"), error: String::new(), touched };
        let verified = || Entry::Verified { step: step("a"), observed: None };
        for (entries, expected) in [
            (vec![], (0, 0)),
            (vec![applying("a", 0), applied("a", 0), verified()], (1, 0)),
            (vec![applying("a", 0)], (0, 1)),
            (vec![applying("a", 0), failed(Touched::Maybe)], (0, 1)),
            (vec![applying("a", 0), failed(Touched::Nothing)], (0, 0)),
            (vec![applying("a", 0), verified()], (1, 0)),
            (vec![applying("b", 0), applied("b", 0), applying("a", 0), applying("b", 1)], (1, 2)),
        ] {
            assert_eq!(counted(&entries), expected, "{entries:?}");
        }
    }
}
