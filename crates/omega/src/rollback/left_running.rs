//! The processes that runs left running on a unit.

use omega_core::{
    Desired as _, Entry, StepId,
    run::{RunInfo, Runs, rolled_back_by},
};
use omega_juju::operations::{ConvergeServices, ServicesObserved};

/// The processes that runs left running on a unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// These processes, or none.
    Known(Vec<ServicesObserved>),
    /// A restart began, and its outcome was not recorded.
    Unknown,
}

/// Returns what this run and later ones left running on `unit`: their processes may use what the
/// rollback removes. So may those that the rollback of another run restarted; those of an earlier rollback
/// of this run do not.
pub(super) fn left_running(runs: &Runs, run: &RunInfo, all: &[RunInfo], unit: &str) -> Left {
    let since =
        all.iter().filter(|one| one.began >= run.began && !one.rolls_back.contains(&run.id));
    let (mut known, mut open) = (Vec::new(), false);
    for run in since.rev() {
        let Ok(entries) = runs.entries(&run.id) else { return Left::Unknown };
        let restarts = entries.into_iter().filter(|entry| {
            let is_restart =
                |step: &StepId| step.target == unit && step.kind == ConvergeServices::KIND;
            entry.step().is_some_and(is_restart)
        });
        for entry in restarts {
            match entry {
                Entry::Intent { .. } | Entry::Failed { .. } => open = true,
                Entry::Verified { observed, .. } => {
                    let seen = observed.and_then(|seen| serde_json::from_value(seen).ok());
                    open = seen.is_none();
                    known.extend(seen);
                }
                // A change that this version doesn't know may be the restart.
                Entry::Applying { .. }
                | Entry::Applied { .. }
                | Entry::Removed { .. }
                | Entry::Document { .. }
                | _ => {}
            }
        }
    }
    if open && rolled_back_by(runs, run, all).is_none() {
        Left::Unknown
    } else {
        Left::Known(known)
    }
}
