//! `doctor`: what is the matter, from the bottom up, and what to mend first.
//!
//! Each layer has a file: what is asked, and a pure function from the answers to findings. Nothing
//! here writes.

mod cloud;
mod cluster;
mod cluster_facts;
mod conductor;
mod controllers;
mod examine;
mod finding;
mod infrastructure;
mod kube_api;
mod machine;
mod magnum;
mod report;
mod webhooks;
mod workload;

pub use examine::{Examination, examine};
pub use finding::{Cause, Finding, Layer, Mark};
pub use report::{LayerReport, Report, State};
