//! What became of runs, and how they are named.

use serde::{Deserialize, Serialize};

use super::{RunInfo, Runs};
use crate::{ChangeKind, Entry, Failure, FailureClass, Touched};

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
    /// Of the changes that were made, how many created, changed and removed something.
    #[serde(default)]
    pub kinds: ChangeCounts,
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

/// The changes of one kind each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeCounts {
    /// What was created.
    pub created: usize,
    /// What was changed.
    pub updated: usize,
    /// What was removed.
    pub deleted: usize,
}

impl ChangeCounts {
    fn add(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::Create => self.created += 1,
            ChangeKind::Update => self.updated += 1,
            ChangeKind::Delete => self.deleted += 1,
        }
    }
}

/// The changes of a journal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    certain: usize,
    uncertain: usize,
    /// Of the certain ones, those whose kind was recorded.
    kinds: ChangeCounts,
}

/// Returns how many changes were made, and how many may have been made.
fn counted(entries: &[Entry]) -> Counted {
    let (mut all, mut open) = (Counted::default(), Vec::new());
    for entry in entries {
        let settled: Vec<_> = match entry {
            Entry::Applying { step, nth, change } => {
                open.push((step, *nth, change.verb));
                continue;
            }
            // Version 1 recorded no single changes, and no keys.
            Entry::Intent { step, changes, .. } if step.key.is_empty() => {
                open.extend(changes.iter().enumerate().map(|(nth, one)| (step, nth, one.verb)));
                continue;
            }
            Entry::Applied { step, nth } => {
                all.certain += 1;
                open.extract_if(.., |(one, at, _)| (*one, *at) == (step, *nth)).collect()
            }
            // Its answer was lost, and a look shows what it did.
            Entry::Verified { step, .. } => {
                let seen: Vec<_> = open.extract_if(.., |(one, ..)| *one == step).collect();
                all.certain += seen.len();
                seen
            }
            Entry::Failed { step, touched: Touched::Nothing, .. } | Entry::Removed { step } => {
                open.retain(|(one, ..)| *one != step);
                continue;
            }
            Entry::Intent { .. } | Entry::Document { .. } | Entry::Failed { .. } => continue,
        };
        for (_, _, kind) in settled {
            all.kinds.add(kind);
        }
    }
    Counted { uncertain: open.len(), ..all }
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
        let counted = entries.as_deref().map(counted);
        let changes = counted.as_ref().map(|counted| counted.certain);
        let Counted { uncertain, kinds, certain: _ } = counted.unwrap_or_default();
        let seconds = report.as_ref().and_then(|report| report.get("seconds")?.as_f64());
        let seconds = seconds.or_else(|| {
            let took = self.last_written(&run.id)?.duration_since(run.began);
            Some(took.as_secs_f64().max(0.0))
        });
        RunOutcome { outcome, changes, uncertain, kinds, seconds }
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
    use crate::{Diff, StepId, Subject};

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
            let Counted { certain, uncertain, kinds } = counted(&entries);
            assert_eq!((certain, uncertain), expected, "{entries:?}");
            assert_eq!(kinds, ChangeCounts { created: certain, ..ChangeCounts::default() });
        }
    }
}
