use omega_core::{Failure, TargetPreview, TargetReport};
use serde::Serialize;

use super::{Counts, Engine, Task};
use crate::{exit::Exit, render::Recap};

/// The one JSON document of a command, and what is kept with a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    command: &'static str,
    task: String,
    site: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    looked: Vec<TargetPreview>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<TargetReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<serde_json::Value>,
    converged: bool,
    recap: Recap,
    counts: Counts,
    seconds: f64,
    exit: Exit,
    exit_code: u8,
}

impl Report {
    /// Begins the report of `command` on `task`.
    pub(crate) fn new(command: &'static str, task: &Task, engine: &Engine<'_>) -> Self {
        Self {
            schema_version: 1,
            command,
            task: task.name.clone(),
            site: task.site.clone(),
            run: None,
            looked: Vec::new(),
            done: Vec::new(),
            failure: None,
            proof: None,
            converged: false,
            recap: Recap::default(),
            counts: (task.counts)(),
            seconds: engine.began.elapsed().as_secs_f64(),
            exit: Exit::Done,
            exit_code: 0,
        }
    }

    /// Adds what was found.
    pub(crate) fn looked(self, looked: Vec<TargetPreview>) -> Self {
        let recap = Recap::of(looked.iter().flat_map(TargetPreview::items));
        Self { looked, recap, ..self }
    }

    /// Adds what was done.
    pub(crate) fn done(self, run: &str, done: Vec<TargetReport>, recap: Recap) -> Self {
        Self { run: Some(run.to_owned()), done, recap, ..self }
    }

    /// Adds why it failed.
    pub(crate) fn failed(self, failure: Option<&Failure>) -> Self {
        Self { failure: failure.cloned(), ..self }
    }

    /// Says that everything is so, and was looked at after the last write.
    pub(crate) fn converged(self) -> Self {
        Self { converged: true, ..self }
    }

    /// Adds what a proof showed.
    pub(crate) fn proven(self, proof: serde_json::Value) -> Self {
        Self { proof: Some(proof), ..self }
    }

    /// Returns the run, if something was to be changed.
    pub(crate) fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Returns how many facts were changed.
    pub(crate) fn changed(&self) -> usize {
        self.recap.changed
    }

    /// Returns how it ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Adds how it ends.
    pub(crate) fn ends(self, exit: Exit) -> Self {
        Self { exit, exit_code: exit.code(), ..self }
    }
}
