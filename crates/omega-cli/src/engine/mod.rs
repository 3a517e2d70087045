//! Plans, verifies and applies a task: the one way in which this program changes anything.

mod apply;
mod planfile;
mod report;
#[cfg(test)]
pub(crate) mod rig;
mod task;

pub(crate) use apply::Approved;
pub(crate) use planfile::PlanFile;
pub(crate) use report::Report;
pub(crate) use task::{Counts, Engine, Task, WayBack};
