//! Version 1, which identified a step by its target and kind only.

use serde::Deserialize;

use super::{Entry, Undo};
use crate::{Diff, StepId, Touched};

/// One line of a journal of version 1.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Intent {
        target: String,
        kind: String,
        desired: serde_json::Value,
        changes: Vec<Diff>,
        undo: Option<serde_json::Value>,
    },
    Verified {
        target: String,
        kind: String,
        /// The first journals lack it.
        #[serde(default)]
        seen: Option<serde_json::Value>,
    },
    Failed {
        target: String,
        kind: String,
        error: String,
        touched: Touched,
    },
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        let step = |target, kind| StepId { target, kind, key: String::new() };
        match event {
            Event::Intent { target, kind, desired, changes, undo } => {
                // In version 1, the operation's own type restored the state.
                let undo = undo.map(|desired| Undo { kind: kind.clone(), desired });
                let step = step(target, kind);
                Self::Intent { step, desired, changes, undo, temporary: false, cleanup: None }
            }
            Event::Verified { target, kind, seen } => {
                Self::Verified { step: step(target, kind), observed: seen }
            }
            Event::Failed { target, kind, error, touched } => {
                Self::Failed { step: step(target, kind), error, touched }
            }
        }
    }
}
