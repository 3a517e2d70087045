//! Gates: conditions that must hold on a unit before or after a change.
//!
//! Each gate sends all its probes at once, so that they share a remote execution. A gate that can
//! only hold after a step of the runbook is [`Verdict::Deferred`] until that step.
//!
//! [`Verdict::Deferred`]: omega_core::Verdict::Deferred

mod authenticate_management;
mod daemon_steady;
mod driver_imports;
mod driver_loaded;
mod juju_standing;
mod leftovers_decided;
mod list_releases;
mod reach_management;
mod sources_reachable;

use omega_core::{CheckRule, Failure, Finding, Gate, Verdict, values::Sha256};

pub use authenticate_management::AuthenticateManagement;
pub use daemon_steady::DaemonSteady;
pub use driver_imports::DriverImports;
pub use driver_loaded::DriverLoaded;
pub use juju_standing::{JujuStanding, standing_finding};
pub use leftovers_decided::{LeftoverPolicy, LeftoversDecided};
pub use list_releases::ListReleases;
pub use reach_management::ReachManagement;
pub use sources_reachable::SourcesReachable;

use crate::{Error, FileState};

/// The rules of the gates.
pub const RULES: [CheckRule; 9] = [
    JujuStanding::RULE,
    ReachManagement::RULE,
    AuthenticateManagement::RULE,
    ListReleases::RULE,
    SourcesReachable::RULE,
    LeftoversDecided::RULE,
    DriverImports::RULE,
    DriverLoaded::RULE,
    DaemonSteady::RULE,
];

fn not_checked(gate: &impl Gate, error: &Error) -> Failure {
    Failure::from_error(format!("could not check {}", gate.subject()), error)
}

fn has_digest(state: &FileState, sha256: &Sha256) -> bool {
    matches!(state, FileState::Regular(facts) if facts.sha256 == *sha256)
}

fn finding(gate: &impl Gate, summary: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::broken(gate.rule(), gate.subject(), summary).remedy(remedy)
}

fn fail(gate: &impl Gate, summary: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict::fail(finding(gate, summary, remedy))
}

#[cfg(test)]
mod tests;
