//! What became of runs, and how they are named.

use serde::Serialize;

use super::{RunInfo, Runs};
use crate::{Entry, Failure, FailureClass};

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunOutcome {
    /// How it ended.
    pub outcome: Outcome,
    /// The number of changes that were accepted, of temporary resources too. `None`: its journal can't
    /// be read.
    pub changes: Option<usize>,
    /// How long it took, in seconds: as its report says, or until it last wrote to its journal.
    pub seconds: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// It was completed.
    Done,
    /// It ended with a failure.
    Failed,
    /// It is not over.
    Running,
    /// It ended without a report: it was killed.
    Killed,
}

impl Runs {
    /// Returns what became of `run`.
    pub fn outcome(&self, run: &RunInfo) -> RunOutcome {
        let report: Option<serde_json::Value> = self.kept(&run.id, "report.json");
        let failed = |report: &serde_json::Value| {
            let code = report.get("exit_code").and_then(serde_json::Value::as_u64);
            let verdict = report.get("verdict").and_then(serde_json::Value::as_str);
            code.is_some_and(|code| code != 0) || verdict.is_some_and(|word| word != "accepted")
        };
        let outcome = match &report {
            Some(report) if failed(report) => Outcome::Failed,
            Some(_) => Outcome::Done,
            None if self.is_alive(&run.id) => Outcome::Running,
            None => Outcome::Killed,
        };
        let accepted = |entry: &&Entry| matches!(entry, Entry::Applied { .. });
        let changes = self.entries(&run.id).ok().map(|all| all.iter().filter(accepted).count());
        let seconds = report.as_ref().and_then(|report| report.get("seconds")?.as_f64());
        let seconds = seconds.or_else(|| {
            let took = self.last_written(&run.id)?.duration_since(run.began);
            Some(took.as_secs_f64().max(0.0))
        });
        RunOutcome { outcome, changes, seconds }
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
        let (all, _) = self.all()?;
        if name == "latest" {
            let newest = all.into_iter().next().map(|run| run.id);
            return newest.ok_or_else(|| {
                Failure::new(FailureClass::Usage, "there are no runs yet").next("omega-cli runs")
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
            // The run may be damaged: who reads it says so.
            _ => Ok(name.to_owned()),
        }
    }
}
