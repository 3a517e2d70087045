//! Selects a project's resources that belong to a cluster's network, and finds what prevents their
//! removal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::network_resources::{FloatingIp, NamedResource, NetworkResource, Port, Subnet};
use crate::{ClusterName, load_balancer::LoadBalancer};

/// A project's resources in Neutron, and the load balancers that its ports may belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's lists")]
pub struct ClusterNetworkObserved {
    pub floating_ips: Vec<FloatingIp>,
    pub ports: Vec<Port>,
    pub routers: Vec<NamedResource>,
    pub subnets: Vec<Subnet>,
    pub networks: Vec<NamedResource>,
    pub groups: Vec<NamedResource>,
    pub load_balancers: Vec<LoadBalancer>,
}

/// A resource that is related to a cluster and is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remaining {
    /// Its kind (`port`, `network`).
    pub noun: String,
    /// Its id.
    pub id: String,
    /// Its name, or its address.
    pub name: String,
    /// Why it is kept.
    pub why: String,
}

/// The observed resources of one cluster.
pub(super) struct ClusterResources<'a> {
    seen: &'a ClusterNetworkObserved,
    pub(super) floating_ips: Vec<&'a FloatingIp>,
    pub(super) ports: Vec<&'a Port>,
    pub(super) routers: Vec<&'a NamedResource>,
    pub(super) subnets: Vec<&'a Subnet>,
    pub(super) networks: Vec<&'a NamedResource>,
    pub(super) groups: Vec<&'a NamedResource>,
    /// The ids of the load balancers, as in a port's `device_id`.
    balancers: BTreeSet<String>,
}

impl ClusterNetworkObserved {
    /// Returns exactly the resources with the cluster's names.
    pub(super) fn ours(&self, cluster: &ClusterName) -> ClusterResources<'_> {
        let (network, description) = (cluster.network(), cluster.description());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let same_name = |one: &&NamedResource| one.name == network;
        let networks: Vec<_> = self.networks.iter().filter(same_name).collect();
        let routers: Vec<_> = self.routers.iter().filter(same_name).collect();
        let on_ours = |id: &str| networks.iter().any(|one| one.id == id);
        // A port of a server is kept with the server.
        let free =
            |port: &&Port| text(&port.description) == description && port.device_owner.is_empty();
        let balancers = self.load_balancers.iter().filter(|one| cluster.has_balancer(&one.name));
        ClusterResources {
            seen: self,
            floating_ips: self
                .floating_ips
                .iter()
                .filter(|one| cluster.has_address(&text(&one.description)))
                .collect(),
            ports: self.ports.iter().filter(free).collect(),
            subnets: self
                .subnets
                .iter()
                .filter(|one| one.name == network && on_ours(&one.network_id))
                .collect(),
            groups: self
                .groups
                .iter()
                .filter(|one| cluster.has_group(&one.name, &text(&one.description)))
                .collect(),
            balancers: balancers.map(|one| format!("lb-{}", one.id)).collect(),
            networks,
            routers,
        }
    }
}

impl<'a> ClusterResources<'a> {
    /// Returns the interfaces of the cluster's routers on the cluster's subnets: port, router and
    /// subnet.
    pub(super) fn interfaces(&self) -> Vec<(&'a Port, &'a NamedResource, &'a Subnet)> {
        let mut found = Vec::new();
        for port in self.seen.ports.iter().filter(|port| port.is_interface()) {
            let router = self.routers.iter().find(|router| router.id == port.device_id);
            let subnet = self.subnets.iter().find(|subnet| port.is_on(&subnet.id));
            if let (Some(router), Some(subnet)) = (router, subnet) {
                found.push((port, *router, *subnet));
            }
        }
        found
    }

    /// Returns whether the port is removed with another resource, before its subnet and its network.
    fn goes(&self, port: &Port) -> bool {
        // A port of a distributed router is removed with the interface.
        let snat = port.device_owner == "network:router_centralized_snat"
            && self.routers.iter().any(|router| router.id == port.device_id);
        port.goes_with_network()
            || snat
            || self.ports.iter().any(|ours| ours.id == port.id)
            || (port.device_owner == "Octavia" && self.balancers.contains(&port.device_id))
            || self.interfaces().iter().any(|(ours, _, subnet)| {
                ours.id == port.id && self.kept_route(&subnet.id).is_none()
            })
    }

    /// Returns a foreign floating IP that is routed through an interface on the subnet.
    ///
    /// Neutron answers 409 `RouterInterfaceInUseByFloatingIP` then.
    fn kept_route(&self, subnet: &str) -> Option<&'a FloatingIp> {
        let ours = |port: &Port| {
            self.ports.iter().any(|one| one.id == port.id)
                || (port.device_owner == "Octavia" && self.balancers.contains(&port.device_id))
        };
        self.seen.floating_ips.iter().find(|address| {
            let port = address.port_id.as_deref();
            let port = self.seen.ports.iter().find(|one| Some(one.id.as_str()) == port);
            port.is_some_and(|port| port.is_on(subnet) && !ours(port))
                && !self.floating_ips.iter().any(|one| one.id == address.id)
        })
    }

    /// Returns why the part with the id can't be removed, if another resource uses it.
    pub(super) fn kept(&self, part: NetworkResource, id: &str) -> Option<String> {
        let staying = || self.seen.ports.iter().filter(|port| !self.goes(port));
        let says = |port: &Port| format!("{} uses it", shown(port));
        match part {
            NetworkResource::FloatingIp | NetworkResource::Port => None,
            NetworkResource::RouterInterface => {
                let (_, _, subnet) = self.interfaces().into_iter().find(|(p, _, _)| p.id == id)?;
                let address = self.kept_route(&subnet.id)?;
                Some(format!("floating IP {} is routed through it", address.floating_ip_address))
            }
            NetworkResource::Router => {
                let mut ports = staying().filter(|p| p.is_interface() && p.device_id == id);
                ports.next().map(|port| format!("it has {}", shown(port)))
            }
            NetworkResource::Subnet => staying().find(|port| port.is_on(id)).map(says),
            NetworkResource::Network => {
                let other = self.seen.subnets.iter().find(|subnet| {
                    subnet.network_id == id && !self.subnets.iter().any(|s| s.id == subnet.id)
                });
                let subnet = other.map(|s| format!("subnet {} ({}) uses it", s.name, s.id));
                staying().find(|port| port.network_id == id).map(says).or(subnet)
            }
            NetworkResource::SecurityGroup => {
                let mut ports = staying().filter(|p| p.security_groups.iter().any(|g| g == id));
                ports.next().map(|port| format!("{} uses it", shown(port)))
            }
        }
    }

    /// Returns the resources that are related to the cluster and are kept, with the reasons.
    pub(super) fn remaining(&self) -> Vec<Remaining> {
        let mut left: Vec<Remaining> = Vec::new();
        let mut add = |noun: NetworkResource, id: &str, name: &str, why: String| {
            let noun = noun.to_string();
            left.push(Remaining { noun, id: id.to_owned(), name: name.to_owned(), why });
        };
        for port in self.seen.ports.iter().filter(|port| !self.goes(port)) {
            if let Some(network) = self.networks.iter().find(|one| one.id == port.network_id)
                && !self.interfaces().iter().any(|(ours, _, _)| ours.id == port.id)
            {
                let why = if port.device_owner.starts_with("compute:") {
                    format!("server {} uses it: delete the server first", port.device_id)
                } else {
                    format!("it is on {}, but does not have the cluster's name", network.name)
                };
                add(NetworkResource::Port, &port.id, &port.name, why);
            }
        }
        for address in &self.seen.floating_ips {
            let on = address.port_id.as_deref();
            let port = self.seen.ports.iter().find(|port| Some(port.id.as_str()) == on);
            let ours = self.floating_ips.iter().any(|one| one.id == address.id);
            if let Some(port) = port.filter(|port| !ours && self.concerns(port)) {
                let why =
                    format!("it belongs to {}, but was not created for the cluster", shown(port));
                add(NetworkResource::FloatingIp, &address.id, &address.floating_ip_address, why);
            }
        }
        for (part, id, name) in self.all() {
            if let Some(why) = self.kept(part, id) {
                add(part, id, name, why);
            }
        }
        left.sort();
        left
    }

    /// Returns whether the port is on the cluster's network, or belongs to its load balancers.
    fn concerns(&self, port: &Port) -> bool {
        self.networks.iter().any(|one| one.id == port.network_id)
            || self.balancers.contains(&port.device_id)
    }

    /// Returns every part except the interfaces, in the order of removal.
    pub(super) fn all(&self) -> Vec<(NetworkResource, &'a str, &'a str)> {
        let named =
            |part| move |one: &&'a NamedResource| (part, one.id.as_str(), one.name.as_str());
        let addresses = self.floating_ips.iter();
        let addresses = addresses
            .map(|a| (NetworkResource::FloatingIp, a.id.as_str(), a.floating_ip_address.as_str()));
        let ports =
            self.ports.iter().map(|p| (NetworkResource::Port, p.id.as_str(), p.name.as_str()));
        let subnets =
            self.subnets.iter().map(|s| (NetworkResource::Subnet, s.id.as_str(), s.name.as_str()));
        addresses
            .chain(ports)
            .chain(self.routers.iter().map(named(NetworkResource::Router)))
            .chain(subnets)
            .chain(self.networks.iter().map(named(NetworkResource::Network)))
            .chain(self.groups.iter().map(named(NetworkResource::SecurityGroup)))
            .collect()
    }
}

/// Describes a port: its name or its owner, and its id.
fn shown(port: &Port) -> String {
    let Port { id, name, device_owner, .. } = port;
    match (name.as_str(), device_owner.as_str()) {
        ("", "") => format!("port {id}"),
        ("", owner) => format!("port {id} ({owner})"),
        (name, "") => format!("port {name} ({id})"),
        (name, owner) => format!("port {name} ({id}, {owner})"),
    }
}
