//! Neutron.

mod address_inventory;
mod cidr;
mod client;
mod cluster_network;
pub(crate) mod ensure_sg_rule;
mod external_network;
mod network_quota;
mod network_resources;
mod node_network;
mod ports;
mod protocol;
mod remove_cluster_network;
mod restore_sg_rules;
mod server_ports;
mod types;
mod wire;

pub use address_inventory::{
    AddressInventory, AllocationPool, HostRoute, ListedNetwork, ListedSubnet,
};
pub use cidr::{Cidr, InvalidCidr};
pub use client::Network;
pub use cluster_network::{ClusterNetworkObserved, Remaining};
pub use ensure_sg_rule::{SgRuleChange, SgRuleObserved, ensure_sg_rule};
pub use external_network::ExternalNetwork;
pub use network_quota::NetworkQuota;
pub use network_resources::{FixedIp, FloatingIp, NamedResource, NetworkResource, Port, Subnet};
pub use node_network::{DEFAULT_NODES, KnownRanges, NodeNetwork, address_mistakes, chart_ranges};
pub use ports::{InvalidPorts, Ports};
pub use protocol::{InvalidProtocol, Protocol};
pub use remove_cluster_network::{
    NetworkResourceRemoval, RemoveClusterNetwork, remove_cluster_network,
};
pub use restore_sg_rules::RestoreSgRules;
pub use server_ports::{ServerAddress, ServerPort};
pub use types::{Direction, Flow, InvalidFlow, Presence, SgRule, Traffic};

#[cfg(test)]
mod tests;
