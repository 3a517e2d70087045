//! The items of D-011, one file each: what it reads, and a pure function from that to findings.

mod api_balancer;
mod charms;
mod cluster;
mod core_services;
mod designate;
mod endpoints;
mod load_balancer;
mod snapshots;
mod tenant;
mod vault;

pub(crate) use charms::unread as juju_unread;
pub use charms::{Charms, JujuCli, JujuModel};
pub(super) use cluster::not_named;
pub use cluster::{Cluster, Clusters, Lookup};
pub(crate) use core_services::CoreService;
pub use designate::Designate;
pub use endpoints::{CORE, Cloud, Endpoints};
pub(crate) use endpoints::{DASHBOARD, public as public_endpoint, types as catalog_types};
pub(super) use load_balancer::no_cluster;
pub use load_balancer::{
    Balancing, FailoverSeen, IMAGE, LoadBalancer, Moment, Patience, ServiceSeen,
};
pub use snapshots::{Hypervisor, Snapshots};
pub use tenant::Tenant;
pub use vault::{Vault, VaultServers};

use omega_core::chain;

/// The error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    chain(error).join(": ")
}
