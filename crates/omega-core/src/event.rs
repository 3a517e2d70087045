//! What happens during a run, as data. Text, JSON and reports are made from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Diff, ItemOutcome, Subject};

/// The identity of a step, for programs: never made from displayed text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepId {
    /// The target's label.
    pub target: String,
    /// [`Desired::KIND`](crate::Desired::KIND), or `gate` and `wait`.
    pub kind: String,
    /// [`Desired::key`](crate::Desired::key), or the rule of a gate.
    pub key: String,
}

/// Something that happens during a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Event {
    /// The state of all targets is being read.
    Looking,
    /// The state of all targets was read.
    Looked,
    /// A run that makes changes begins.
    RunStarted {
        /// The run's id.
        run: String,
    },
    /// A step, a gate or a wait begins.
    StepStarted {
        /// Which one.
        step: StepId,
        /// What it is about.
        subject: Subject,
        /// The change as shown in the plan, if it is one.
        changes: Vec<Diff>,
    },
    /// A step made progress.
    StepProgress {
        /// Which one.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// The effect of a step is not visible yet, or the step waits for something else.
    StepWaiting {
        /// Which one.
        step: StepId,
        /// What it waits for.
        wanted: String,
        /// Since when.
        since: Duration,
    },
    /// A step, a gate or a wait ended.
    StepFinished {
        /// Which one.
        step: StepId,
        /// What it is about.
        subject: Subject,
        /// The outcome.
        outcome: ItemOutcome,
        /// How long it took.
        took: Duration,
    },
    /// Gates that only the changes can satisfy are checked until they hold or the time is over.
    Settling {
        /// The target.
        target: String,
        /// Since when.
        since: Duration,
    },
    /// Something worth showing.
    Note {
        /// The sentence.
        text: String,
    },
}

/// How far a step has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// What is counted.
    pub unit: ProgressUnit,
    /// How much is done.
    pub done: u64,
    /// The total, if it is known.
    pub total: Option<u64>,
    /// The stage in a word or two, if there are several.
    pub stage: Option<String>,
}

/// What progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ProgressUnit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A number of objects.
    Items,
}

impl Progress {
    /// Returns progress of `done` bytes.
    pub fn bytes(done: u64, total: Option<u64>) -> Self {
        Self { unit: ProgressUnit::Bytes, done, total, stage: None }
    }

    /// Returns progress of `done` objects.
    pub fn items(done: u64, total: Option<u64>) -> Self {
        Self { unit: ProgressUnit::Items, done, total, stage: None }
    }

    /// Names the stage.
    #[must_use]
    pub fn stage(self, stage: impl Into<String>) -> Self {
        Self { stage: Some(stage.into()), ..self }
    }
}

/// Receives events. It must not block.
pub trait EventSink: Send + Sync {
    /// Receives one event.
    fn event(&self, event: &Event);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn event(&self, _: &Event) {}
}
