//! The rows of the document.

mod cloud;
mod magnum;
mod management;
mod model;

pub use cloud::{Endpoint, Image, Network, Subnet};
pub use magnum::{Balancer, Cluster, ConductorFile, ConductorUnit, Template};
pub use management::{Controller, HelmRelease, Kind, ManagementCluster};
pub use model::{Application, Machine, Unit};

fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "" }.to_owned()
}
