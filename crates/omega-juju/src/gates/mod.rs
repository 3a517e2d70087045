//! What must hold on a unit, before a change or after it.
//!
//! Each gate asks all it needs at once, so that it shares the remote execution of whatever else is
//! looked at. What can't hold before a step of the runbook is done is [`Verdict::Deferred`] until
//! that step.
//!
//! [`Verdict::Deferred`]: omega_core::Verdict::Deferred

mod authenticate_management;
mod driver_loaded;
mod list_releases;
mod reach_management;

use std::sync::Arc;

use omega_core::{Failure, Label as _, Subject, Verdict, values::Sha256};

pub use authenticate_management::AuthenticateManagement;
pub use driver_loaded::DriverLoaded;
pub use list_releases::ListReleases;
pub use reach_management::ReachManagement;

use crate::{Error, FileState, Unit};

fn not_asked(subject: &Subject, unit: &Arc<Unit>, error: &Error) -> Failure {
    Failure::from_error(format!("could not ask {} for {subject}", unit.label()), error)
}

fn is(state: &FileState, sha256: &Sha256) -> bool {
    matches!(state, FileState::Regular(facts) if facts.sha256 == *sha256)
}

fn deferred(until: impl Into<String>) -> Verdict {
    Verdict::Deferred { until: until.into() }
}

fn fail(why: impl Into<String>, next: impl Into<String>) -> Verdict {
    Verdict::Fail { why: why.into(), next: Some(next.into()) }
}

#[cfg(test)]
mod tests;
