//! The doctor: what is wrong, from the bottom up, and what to fix first.
//!
//! [`examine`] connects to a site and checks every layer once; [`Doctor`] does the same with existing
//! clients. Each layer has a file with its reads, and a pure function from the answers to findings.
//! Nothing here writes.
//!
//! ```no_run
//! # async fn example(site: &omega::site::Site, machine: &omega::Machine) -> Result<(), omega::core::Failure> {
//! use omega::{clients::Connect, core::Context, doctor};
//!
//! let mut options = doctor::DoctorOptions::default();
//! options.clusters = vec!["c9".to_owned()];
//! let connect = Connect::new(site, machine);
//! let report = doctor::examine(&connect, options, &Context::default()).await?;
//! if let Some(first) = &report.first {
//!     println!("fix first: {}", first.finding.summary);
//! }
//! # Ok(())
//! # }
//! ```

mod cause;
mod choice;
mod cloud;
mod cluster;
mod conductor;
mod controllers;
mod driver_credential;
mod examination;
mod finding;
mod kube_api;
mod layer;
mod layer_result;
mod layers;
mod machine;
mod magnum;
mod messages;
mod report;
mod running;
mod webhooks;
mod workload;

pub use cause::Cause;
pub use examination::{Doctor, DoctorOptions, examine};
pub use finding::LayerFinding;
pub use layer::Layer;
pub use report::{LayerReport, LayerState, Report};

/// The error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    omega_core::chain(error).join(": ")
}

#[cfg(test)]
mod examination_tests;
