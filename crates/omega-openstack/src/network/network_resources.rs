//! Neutron's lists of the resources of a cluster's network.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of resources of a cluster's network, in the order of removal: a resource that uses
/// another one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkResource {
    /// A floating IP, associated or not.
    FloatingIp,
    /// A port.
    Port,
    /// A router's interface on a subnet.
    RouterInterface,
    /// A router.
    Router,
    /// A subnet.
    Subnet,
    /// A network.
    Network,
    /// A security group.
    SecurityGroup,
}

impl NetworkResource {
    /// Its collection in a path of the API; that of the router for an interface.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::FloatingIp => "floatingips",
            Self::Port => "ports",
            Self::RouterInterface | Self::Router => "routers",
            Self::Subnet => "subnets",
            Self::Network => "networks",
            Self::SecurityGroup => "security-groups",
        }
    }

    /// The key of its list in an answer.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::SecurityGroup => "security_groups",
            Self::FloatingIp
            | Self::Port
            | Self::RouterInterface
            | Self::Router
            | Self::Subnet
            | Self::Network => self.plural(),
        }
    }
}

impl fmt::Display for NetworkResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FloatingIp => "floating IP",
            Self::Port => "port",
            Self::RouterInterface => "router interface",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Network => "network",
            Self::SecurityGroup => "security group",
        })
    }
}

/// A network, a router or a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct NamedResource {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub project_id: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct Subnet {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub project_id: Option<String>,
    pub network_id: String,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct Port {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub project_id: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    pub network_id: String,
    #[serde(default)]
    pub device_id: String,
    #[serde(default)]
    pub device_owner: String,
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
    #[serde(default)]
    pub security_groups: Vec<String>,
}

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedIp {
    /// The subnet.
    pub subnet_id: String,
    /// The address.
    #[serde(default)]
    pub ip_address: Option<String>,
}

/// A floating IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct FloatingIp {
    pub id: String,
    pub floating_ip_address: String,
    #[serde(default)]
    pub project_id: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub port_id: Option<String>,
}

impl Port {
    /// Returns whether it has an address in the subnet.
    pub(crate) fn is_on(&self, subnet: &str) -> bool {
        self.fixed_ips.iter().any(|fixed| fixed.subnet_id == subnet)
    }

    /// Returns whether it is a router's interface: plain, distributed or highly available.
    ///
    /// `neutron_lib/constants.py:77`, `ROUTER_INTERFACE_OWNERS`.
    pub(crate) fn is_interface(&self) -> bool {
        let owners = [
            "network:router_interface",
            "network:router_interface_distributed",
            "network:ha_router_replicated_interface",
        ];
        owners.contains(&self.device_owner.as_str())
    }

    /// Returns whether Neutron removes it automatically with its network.
    ///
    /// Neutron 21, `neutron/common/_constants.py:78`, `AUTO_DELETE_PORT_OWNERS`.
    pub(crate) fn goes_with_network(&self) -> bool {
        let owners = ["network:dhcp", "network:distributed", "network:floatingip_agent_gateway"];
        owners.contains(&self.device_owner.as_str())
    }
}
