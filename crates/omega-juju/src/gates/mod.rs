//! What must hold on a unit, before a change or after it.
//!
//! Each gate asks all it needs at once, so that it shares the remote execution of whatever else is
//! looked at, and it asks once. What can't hold before a step of the runbook is done is
//! [`Verdict::Deferred`] until that step.
//!
//! [`Verdict::Deferred`]: omega_core::Verdict::Deferred

mod authenticate_management;
mod driver_loaded;
mod leftovers_decided;
mod list_releases;
mod reach_management;

use omega_core::{Failure, Finding, Gate, Label as _, Verdict, values::Sha256};

pub use authenticate_management::AuthenticateManagement;
pub use driver_loaded::DriverLoaded;
pub use leftovers_decided::{LeftoverPolicy, LeftoversDecided};
pub use list_releases::ListReleases;
pub use reach_management::ReachManagement;

use crate::{Error, FileState, Unit};

fn not_asked(gate: &impl Gate, unit: &Unit, error: &Error) -> Failure {
    Failure::from_error(format!("could not ask {} for {}", unit.label(), gate.subject()), error)
}

fn is(state: &FileState, sha256: &Sha256) -> bool {
    matches!(state, FileState::Regular(facts) if facts.sha256 == *sha256)
}

/// Returns what `gate` found wrong, and what to do about it.
fn wrong(gate: &impl Gate, summary: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::broken(gate.rule(), gate.subject(), summary).remedy(remedy)
}

fn fail(gate: &impl Gate, summary: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict::fail(wrong(gate, summary, remedy))
}

#[cfg(test)]
mod tests;
