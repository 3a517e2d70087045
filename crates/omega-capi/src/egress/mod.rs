//! Whether a pod in the management cluster can connect to an address.

mod judge;
mod known_image;
mod probe;
mod probe_pod;
mod probe_pod_egress;
#[cfg(test)]
mod probe_tests;
mod tool;

pub use judge::{EgressVerdict, judge};
pub use known_image::known_image;
pub use probe::EgressProbe;
pub use probe_pod::{CreatePod, DeletePod, ObservedPod, ProbePod, RemovedPod};
pub use probe_pod_egress::{ProbeResult, probe_pod_egress};
pub use tool::{Tool, UnknownTool};
