//! The ports of a server, with their subnets and floating IPs.

use serde::{Deserialize, Serialize};

use super::{Cidr, Network, NetworkResource, Port};
use crate::{Error, Method, Request, Service};

/// A network interface of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerPort {
    /// The port's id.
    pub id: String,
    /// Its addresses.
    pub addresses: Vec<ServerAddress>,
    /// The floating IPs that lead to it.
    pub floating_ips: Vec<String>,
}

/// An address of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerAddress {
    /// The address.
    pub address: String,
    /// The name of its subnet; the id if it has none, or if the token does not see it.
    pub subnet: String,
    /// The range of its subnet, if the token sees it.
    pub range: Option<Cidr>,
}

impl Network {
    /// Returns the ports of the server with the id, in the token's project.
    ///
    /// # Errors
    ///
    /// Fails if Neutron does not answer or refuses.
    pub async fn server_ports(&self, server: &str) -> Result<Vec<ServerPort>, Error> {
        let request =
            Request::new(Service::Network, Method::Get, &[NetworkResource::Port.plural()]);
        let ports = self.list_of::<Port>(request.query("device_id", server), "ports");
        let (ports, floating) = futures::try_join!(ports, self.floating_ips())?;
        let mut all = Vec::new();
        for port in ports.into_iter().filter(|port| port.device_id == server) {
            let mut addresses = Vec::new();
            for fixed in &port.fixed_ips {
                let subnet = self.subnets_with("id", &fixed.subnet_id).await?;
                let subnet = subnet.into_iter().find(|one| one.id == fixed.subnet_id);
                let name = subnet.as_ref().map(|one| one.name.clone());
                addresses.push(ServerAddress {
                    address: fixed.ip_address.clone().unwrap_or_default(),
                    subnet: name
                        .filter(|name| !name.is_empty())
                        .unwrap_or_else(|| fixed.subnet_id.clone()),
                    range: subnet.map(|one| one.cidr),
                });
            }
            let here = floating.iter().filter(|one| one.port_id.as_deref() == Some(&port.id));
            let floating_ips = here.map(|one| one.floating_ip_address.clone()).collect();
            all.push(ServerPort { id: port.id, addresses, floating_ips });
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Transport as _, sim::Cloud};

    #[tokio::test]
    async fn the_ports_of_a_server_have_their_subnets_and_floating_ips() {
        let cloud = Cloud::new();
        cloud.add_network("mgmt", "capi", "10.20.0.0/24", false);
        let transport = cloud.admin("mgmt");
        let network = Network::new(transport.clone());
        let subnet = network.subnets_with("name", "capi").await.unwrap().remove(0);
        let made = async |plural: &str, one: &str, body: serde_json::Value| {
            let request = Request::new(Service::Network, Method::Post, &[plural]);
            let answer = transport.send(request.body(json!({ one: body }))).await.unwrap();
            answer.body[one]["id"].as_str().unwrap().to_owned()
        };
        let fixed = json!([{ "subnet_id": subnet.id, "ip_address": "10.20.0.50" }]);
        let port = made("ports", "port", json!({"device_id": "s1", "fixed_ips": fixed})).await;
        made("ports", "port", json!({"device_id": "s2", "fixed_ips": fixed})).await;
        made("floatingips", "floatingip", json!({ "port_id": port })).await;
        let found = network.server_ports("s1").await.unwrap();
        assert_eq!((found.len(), found[0].floating_ips.len()), (1, 1), "{found:?}");
        let address = &found[0].addresses[0];
        assert_eq!((address.address.as_str(), address.subnet.as_str()), ("10.20.0.50", "capi"));
        assert_eq!(address.range.unwrap().to_string(), "10.20.0.0/24");
        assert_eq!(network.server_ports("s3").await.unwrap(), []);
    }
}
