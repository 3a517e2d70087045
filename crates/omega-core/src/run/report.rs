use std::time::Duration;

use serde::Serialize;

use super::{Counts, Job, Recap, Status};
use crate::{Failure, Finding, TargetPreview, TargetReport};

/// What a command found and did: the one document for programs, and what is stored with a run. Text,
/// JSON and other forms are made from it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The version of this format.
    pub schema_version: u32,
    /// `plan`, `apply` or `verify`.
    pub command: &'static str,
    /// The job's name.
    pub task: String,
    /// The site, as the operator named it.
    pub site: String,
    /// The run's id, if there was something to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What is worth knowing about what is wanted, whatever was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked: Vec<TargetPreview>,
    /// What was done, target by target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<TargetReport>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The result of a proof, or other data of this command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<serde_json::Value>,
    /// Whether everything is in the desired state, read after the last write.
    pub converged: bool,
    /// Whether `rollback` can undo changes of this run.
    pub reversible: bool,
    /// Counts by outcome.
    pub recap: Recap,
    /// The number of remote operations.
    pub counts: Counts,
    /// How long it took.
    pub seconds: f64,
    /// The status.
    pub exit: Status,
    /// The exit code of the status.
    pub exit_code: u8,
}

impl Report {
    pub(super) fn new(command: &'static str, job: &Job, took: Duration) -> Self {
        Self {
            schema_version: 2,
            command,
            task: job.name.clone(),
            site: job.site.clone(),
            run: None,
            findings: job.findings.clone(),
            looked: Vec::new(),
            done: Vec::new(),
            failure: None,
            proof: None,
            converged: false,
            reversible: false,
            recap: Recap::default(),
            counts: (job.counts)(),
            seconds: took.as_secs_f64(),
            exit: Status::Done,
            exit_code: 0,
        }
    }

    pub(super) fn looked(self, looked: Vec<TargetPreview>) -> Self {
        let recap = Recap::of(looked.iter().flat_map(TargetPreview::items));
        Self { looked, recap, ..self }
    }

    pub(super) fn done(self, run: &str, done: Vec<TargetReport>) -> Self {
        let recap = Recap::of_done(&done);
        Self { run: Some(run.to_owned()), done, recap, ..self }
    }

    /// Adds the failure, and the status that follows from it.
    #[must_use]
    pub fn failed(self, failure: Option<Failure>, exit: Status) -> Self {
        Self { failure, ..self }.ends(exit)
    }

    pub(super) fn converged(self) -> Self {
        Self { converged: true, ..self }
    }

    /// Adds the result of a proof.
    #[must_use]
    pub fn proven(self, proof: serde_json::Value) -> Self {
        Self { proof: Some(proof), ..self }
    }

    pub(super) fn ends(self, exit: Status) -> Self {
        Self { exit, exit_code: exit.code(), ..self }
    }
}
