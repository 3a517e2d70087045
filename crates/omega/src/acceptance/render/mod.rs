//! The forms of a report for people and for other programs. Each is made from the report alone.

mod charts;
mod html;
mod junit;
pub(crate) mod visible;

pub use html::html;
pub use junit::junit;

use super::{Outcome, Verdict};

/// The outcome in a word.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Deferred { .. } => "deferred",
        Outcome::NotRun { .. } => "not checked",
    }
}

/// The verdict in a word or two.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Failed => "not accepted",
        Verdict::Incomplete => "incomplete",
    }
}
