//! Runs: a job is planned, applied and verified, and what it did is recorded.
//!
//! A [`Job`] has the desired facts of a runbook, by target. The [`Engine`] plans it, applies it and
//! verifies it by observing again; it sends events to the [`Context`](crate::Context) and returns a
//! [`Report`]. [`Runs`] keeps each run's plan, journal and report on this machine. Nothing here
//! prints.

mod apply;
mod blocker;
mod deadline;
#[cfg(test)]
mod deadline_tests;
mod engine;
mod history;
mod job;
mod leftovers;
mod locking;
#[cfg(test)]
mod newly_pending_tests;
mod plan_file;
mod recap;
mod report;
mod selection;
mod status;
mod store;

pub use deadline::Deadline;
pub use engine::{Approved, Engine, Looked};
pub use history::{ChangeCounts, Outcome, RunOutcome};
pub use job::{Counts, Endpoints, Job, PreState};
pub use leftovers::Leftover;
pub use locking::{
    HeldLock, LOCK_LASTS, LockHolder, LockRefusal, LockWanted, Locking, LocksHeld, TargetLock,
};
pub use plan_file::{PlanFile, may_replace};
pub use recap::Recap;
pub use report::Report;
pub use selection::{converged, different_site, last_run, named_run, rolled_back_by};
pub use status::Status;
pub use store::{RunDirectory, RunInfo, Runs};
