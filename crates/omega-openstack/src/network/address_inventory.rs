//! The addresses that Neutron knows: networks, subnets, what it gives out of them, and host routes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Cidr, Network};
use crate::{Error, Method, Request, Service, service_response::list};

/// The tag of the networks and subnets that charm-octavia makes for its amphorae (charm-octavia
/// stable/2024.1, `src/lib/charm/openstack/api_crud.py`, `get_mgmt_network`).
const OF_OCTAVIA: &str = "charm-octavia";

/// The networks and subnets that a login sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressInventory {
    /// The networks.
    pub networks: Vec<ListedNetwork>,
    /// The subnets.
    pub subnets: Vec<ListedSubnet>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct ListedNetwork {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub project_id: Option<String>,
    #[serde(default, rename = "router:external")]
    pub external: bool,
    /// Whether every project may use it.
    #[serde(default)]
    pub shared: bool,
    #[serde(default)]
    pub mtu: Option<u32>,
    /// The ids of its subnets: also of those that the login can't read.
    #[serde(default)]
    pub subnets: Vec<String>,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Neutron's")]
pub struct ListedSubnet {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub network_id: String,
    #[serde(default)]
    pub project_id: Option<String>,
    pub cidr: Cidr,
    #[serde(default)]
    pub gateway_ip: Option<IpAddr>,
    #[serde(default)]
    pub allocation_pools: Vec<AllocationPool>,
    #[serde(default)]
    pub host_routes: Vec<HostRoute>,
    #[serde(default)]
    pub dns_nameservers: Vec<String>,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A range that addresses are given out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationPool {
    /// The first address.
    pub start: IpAddr,
    /// The last address.
    pub end: IpAddr,
}

/// A route that the servers of a subnet get by DHCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRoute {
    /// Where it leads.
    pub destination: Cidr,
    /// The router.
    pub nexthop: IpAddr,
}

impl AddressInventory {
    /// Returns the network of a subnet, if the login sees it.
    pub fn network_of(&self, subnet: &ListedSubnet) -> Option<&ListedNetwork> {
        self.networks.iter().find(|network| network.id == subnet.network_id)
    }

    /// Returns whether a subnet is of an external network.
    pub fn is_external(&self, subnet: &ListedSubnet) -> bool {
        self.network_of(subnet).is_some_and(|network| network.external)
    }

    /// Returns whether a subnet is the one of Octavia's amphorae, by the charm's tag.
    pub fn is_of_octavia(&self, subnet: &ListedSubnet) -> bool {
        let is = |tags: &[String]| tags.iter().any(|tag| tag == OF_OCTAVIA);
        is(&subnet.tags) || self.network_of(subnet).is_some_and(|network| is(&network.tags))
    }

    /// Returns the external networks of which the login does not see every subnet: only the owner and
    /// administrators do.
    pub fn hidden(&self) -> impl Iterator<Item = &ListedNetwork> {
        let seen = |id: &String| self.subnets.iter().any(|subnet| subnet.id == *id);
        self.networks
            .iter()
            .filter(move |network| network.external && !network.subnets.iter().all(seen))
    }

    /// Keeps the networks of the project, the external ones and those that are shared with every project, and
    /// their subnets, by name.
    #[must_use]
    pub fn of_project(mut self, project: &str) -> Self {
        self.networks.retain(|one| {
            one.external || one.shared || one.project_id.as_ref().is_none_or(|id| id == project)
        });
        self.subnets.retain(|one| self.networks.iter().any(|network| network.id == one.network_id));
        self.networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        self.subnets.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        self
    }
}

impl Network {
    /// Returns the networks and subnets that the token may see: of an administrator, all.
    ///
    /// # Errors
    ///
    /// Fails if Neutron does not answer or refuses.
    pub async fn address_inventory(&self) -> Result<AddressInventory, Error> {
        let get = |plural| Request::new(Service::Network, Method::Get, &[plural]);
        let transport = self.transport();
        let (networks, subnets) = futures::try_join!(
            list(&*transport, get("networks"), "networks"),
            list(&*transport, get("subnets"), "subnets"),
        )?;
        Ok(AddressInventory { networks, subnets })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sim::Cloud;

    fn recorded(text: &str, key: &str) -> Value {
        let exchange: Value = serde_json::from_str(text).unwrap();
        exchange["response"]["body"][key][0].clone()
    }

    /// What a real Neutron listed, and what is read of it.
    #[test]
    fn what_neutron_lists_is_read() {
        let subnet = recorded(include_str!("../../recordings/neutron-subnets-200.json"), "subnets");
        let subnet: ListedSubnet = serde_json::from_value(subnet).unwrap();
        assert_eq!(
            json!(subnet),
            json!({
                "id": "cbdc199d-7e77-4d7d-84f8-a50739016572",
                "name": "k8s-clusterapi-cluster-ns-rec",
                "network_id": "b785dab1-0610-4792-a3e5-9ada42e322e1",
                "project_id": "6150d92d7e494a2b8aa83daa45db6c67",
                "cidr": "192.168.3.0/24",
                "gateway_ip": "192.168.3.1",
                "allocation_pools": [{ "start": "192.168.3.2", "end": "192.168.3.254" }],
                "host_routes": [],
                "dns_nameservers": [],
                "tags": [],
            })
        );
        let network =
            recorded(include_str!("../../recordings/neutron-networks-200.json"), "networks");
        let network: ListedNetwork = serde_json::from_value(network).unwrap();
        assert_eq!((network.external, network.subnets), (false, vec![subnet.id]));
        // neutron-lib api/definitions/subnet.py: destination and nexthop; null where a subnet has no gateway.
        let route = json!({ "destination": "10.30.0.0/16", "nexthop": "10.20.0.1" });
        let bare = json!({
            "id": "s", "network_id": "n", "cidr": "fd00::/64", "gateway_ip": null, "host_routes": [route],
        });
        let bare: ListedSubnet = serde_json::from_value(bare).unwrap();
        assert_eq!((bare.gateway_ip, json!(bare.host_routes[0])), (None, route));
    }

    #[tokio::test]
    async fn a_member_does_not_see_the_subnets_of_the_external_network() {
        let cloud = Cloud::new();
        cloud.add_network("admin", "public", "203.0.113.0/24", true);
        cloud.add_network("mgmt", "capi-mgmt", "10.20.0.0/24", false);
        cloud.add_network("other", "theirs", "10.20.1.0/24", false);
        let pools =
            json!({ "allocation_pools": [{ "start": "203.0.113.9", "end": "203.0.113.99" }] });
        cloud.set_subnet("203.0.113.0/24", &pools);
        cloud.page_size(1);
        let names = |seen: &AddressInventory| {
            seen.subnets.iter().map(|one| one.cidr.to_string()).collect::<Vec<_>>()
        };
        let seen = Network::new(cloud.admin("mgmt")).address_inventory().await.unwrap();
        assert_eq!(names(&seen), ["203.0.113.0/24", "10.20.0.0/24", "10.20.1.0/24"]);
        let public = &seen.subnets[0];
        assert!(seen.is_external(public) && !seen.is_external(&seen.subnets[1]));
        assert_eq!(public.allocation_pools[0].end.to_string(), "203.0.113.99");
        assert_eq!(seen.hidden().count(), 0);
        let seen = Network::new(cloud.member("mgmt")).address_inventory().await.unwrap();
        assert_eq!(names(&seen), ["10.20.0.0/24"]);
        assert_eq!(seen.hidden().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["public"]);
        cloud.deny(crate::Service::Network);
        assert!(Network::new(cloud.member("mgmt")).address_inventory().await.is_err());
    }
}
