//! What happens during a run, as data: text, JSON and reports are made of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Diff, ItemOutcome, Subject};

/// What a step is, for a program: never made of text that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepId {
    /// The target's label.
    pub target: String,
    /// [`Desired::KIND`](crate::Desired::KIND), or `gate` and `wait`.
    pub kind: String,
    /// [`Desired::key`](crate::Desired::key); of a gate, its rule.
    pub key: String,
}

/// Something that happens during a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Event {
    /// Everything is being looked at.
    Looking,
    /// It was.
    Looked,
    /// A run begins: something is to be changed.
    RunStarted {
        /// The run's id.
        run: String,
    },
    /// A step, a gate or a wait begins.
    StepStarted {
        /// Which.
        step: StepId,
        /// What it is about.
        subject: Subject,
        /// What was shown before, if it is a change.
        changes: Vec<Diff>,
    },
    /// A step has come further.
    StepProgress {
        /// Which.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// What a step did is not to be seen yet, or something else has to come first.
    StepWaiting {
        /// Which.
        step: StepId,
        /// What it waits for.
        wanted: String,
        /// Since when.
        since: Duration,
    },
    /// A step, a gate or a wait ended.
    StepFinished {
        /// Which.
        step: StepId,
        /// What it is about.
        subject: Subject,
        /// What came of it.
        outcome: ItemOutcome,
        /// How long it took.
        took: Duration,
    },
    /// Gates that only the changes can satisfy are asked until they are, or patience ends.
    Settling {
        /// The target.
        target: String,
        /// Since when.
        since: Duration,
    },
    /// Something worth a line.
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
    /// Of how much, if that is known.
    pub total: Option<u64>,
    /// The stage, in a word or two, where there are several.
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
    /// Things.
    Items,
}

impl Progress {
    /// Returns progress of `done` bytes.
    pub fn bytes(done: u64, total: Option<u64>) -> Self {
        Self { unit: ProgressUnit::Bytes, done, total, stage: None }
    }

    /// Returns progress of `done` things.
    pub fn items(done: u64, total: Option<u64>) -> Self {
        Self { unit: ProgressUnit::Items, done, total, stage: None }
    }

    /// Names the stage.
    #[must_use]
    pub fn stage(self, stage: impl Into<String>) -> Self {
        Self { stage: Some(stage.into()), ..self }
    }
}

/// Who is told what happens. It must not block.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn event(&self, _: &Event) {}
}
