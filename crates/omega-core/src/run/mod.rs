//! Runs: a job is planned, applied and verified, and what it did is kept.
//!
//! A [`Job`] is what a runbook wants of its targets. The [`Engine`] looks at it, applies it and
//! proves it by looking again; it tells its events to the [`Context`](crate::Context) and returns
//! a [`Report`]. [`Runs`] keeps each run's plan, journal and report on this machine. Nothing here
//! prints.

mod apply;
mod engine;
mod job;
mod plan_file;
mod recap;
mod report;
mod selection;
mod status;
mod store;

pub use engine::{Approved, Engine, Looked};
pub use job::{Counts, Endpoints, Job, PreState};
pub use plan_file::{PlanFile, may_replace};
pub use recap::Recap;
pub use report::Report;
pub use selection::{converged, different_site, last_run, named_run, rolled_back_by};
pub use status::Status;
pub use store::{Leftover, RunDirectory, RunInfo, Runs};
