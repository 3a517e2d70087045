//! Whether a pod in the management cluster reaches an address.

mod judge;
mod known_image;
mod pod;
mod probe_pod_egress;
#[cfg(test)]
mod probe_tests;
mod tool;

pub use judge::{Egress, judge};
pub use known_image::known_image;
pub use probe_pod_egress::{EgressProbe, ProbeError, ProbeStep, Probed, probe_pod_egress};
pub use tool::{Tool, UnknownTool};
