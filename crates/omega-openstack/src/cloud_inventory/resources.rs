//! What a cloud has, kind by kind: what is lost with it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CloudInventory;
use crate::{Error, Method, Request, Service, service_response::list};

/// A kind of resource of a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResourceKind {
    /// A cluster of Magnum.
    Cluster,
    /// A load balancer of Octavia.
    LoadBalancer,
    /// Its servers.
    Amphora,
    /// An address of Neutron.
    FloatingIp,
    /// A network.
    Network,
    /// A router.
    Router,
    /// A port.
    Port,
    /// A volume of Cinder.
    Volume,
    /// A server of Nova.
    Server,
    /// An image of Glance.
    Image,
    /// A trust of Keystone: each cluster of Magnum has one.
    Trust,
    /// An application credential of the user who asks. Those of other users can't be listed.
    Credential,
}

/// A resource: its id, and the name by which people know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CloudResource {
    /// Its name, or what stands for it: the address of a floating IP.
    pub name: String,
    /// Its id.
    pub id: String,
}

impl ResourceKind {
    /// Every kind: what others are made of comes last.
    pub const ALL: [Self; 12] = [
        Self::Cluster,
        Self::LoadBalancer,
        Self::Amphora,
        Self::FloatingIp,
        Self::Server,
        Self::Volume,
        Self::Port,
        Self::Router,
        Self::Network,
        Self::Image,
        Self::Trust,
        Self::Credential,
    ];

    /// Returns the path of its collection, and the key of the list. `user`: who asks.
    fn place(self, user: &str) -> (Service, Vec<&str>, &'static str) {
        match self {
            Self::Cluster => (Service::ContainerInfra, vec!["clusters"], "clusters"),
            Self::LoadBalancer => {
                (Service::LoadBalancer, vec!["lbaas", "loadbalancers"], "loadbalancers")
            }
            Self::Amphora => (Service::LoadBalancer, vec!["octavia", "amphorae"], "amphorae"),
            Self::FloatingIp => (Service::Network, vec!["floatingips"], "floatingips"),
            Self::Network => (Service::Network, vec!["networks"], "networks"),
            Self::Router => (Service::Network, vec!["routers"], "routers"),
            Self::Port => (Service::Network, vec!["ports"], "ports"),
            Self::Volume => (Service::BlockStorage, vec!["volumes", "detail"], "volumes"),
            Self::Server => (Service::Compute, vec!["servers", "detail"], "servers"),
            Self::Image => (Service::Image, vec!["images"], "images"),
            Self::Trust => (Service::Identity, vec!["OS-TRUST", "trusts"], "trusts"),
            Self::Credential => {
                let path = vec!["users", user, "application_credentials"];
                (Service::Identity, path, "application_credentials")
            }
        }
    }

    /// Returns whether the service lists only those of the token's project, unless it is asked for all
    /// (`all_tenants`). The others list what the user may see.
    fn is_asked_for_all(self) -> bool {
        matches!(self, Self::Server | Self::Volume)
    }

    /// Returns what stands for its name.
    fn name_key(self) -> &'static str {
        match self {
            Self::FloatingIp => "floating_ip_address",
            Self::Amphora => "role",
            Self::Cluster
            | Self::LoadBalancer
            | Self::Network
            | Self::Router
            | Self::Port
            | Self::Volume
            | Self::Server
            | Self::Image
            | Self::Trust
            | Self::Credential => "name",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "clusters",
            Self::LoadBalancer => "load balancers",
            Self::Amphora => "amphorae",
            Self::FloatingIp => "floating IPs",
            Self::Network => "networks",
            Self::Router => "routers",
            Self::Port => "ports",
            Self::Volume => "volumes",
            Self::Server => "servers",
            Self::Image => "images",
            Self::Trust => "trusts",
            Self::Credential => "application credentials",
        })
    }
}

impl CloudInventory {
    /// Returns every resource of a kind that the user may see: an administrator sees those of all
    /// projects.
    ///
    /// # Errors
    ///
    /// Fails if the service does not answer, is not in the catalog, or refuses this user.
    pub async fn resources(&self, kind: ResourceKind) -> Result<Vec<CloudResource>, Error> {
        let is_own = kind == ResourceKind::Credential;
        let user = if is_own { self.token_info().await?.user.id } else { String::new() };
        let (service, path, key) = kind.place(&user);
        let mut request = Request::new(service, Method::Get, &path);
        if kind.is_asked_for_all() {
            request = request.query("all_tenants", "1");
        }
        let all: Vec<Value> = list(self.transport(), request, key).await?;
        let mut all: Vec<CloudResource> = all.iter().map(|one| resource(kind, one)).collect();
        all.sort();
        Ok(all)
    }
}

/// Magnum calls an id `uuid`.
fn resource(kind: ResourceKind, one: &Value) -> CloudResource {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = if kind == ResourceKind::Cluster { text("uuid") } else { text("id") };
    let name = text(kind.name_key());
    CloudResource { name: if name.is_empty() { id.clone() } else { name }, id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Cloud;

    #[tokio::test]
    async fn an_administrator_sees_those_of_every_project() {
        let cloud = Cloud::new();
        for (project, name) in [("mgmt", "capi-mgmt"), ("tenant", "web"), ("tenant", "web")] {
            cloud.add_server(project, name, "ACTIVE");
            cloud.add_balancer(project, name);
        }
        cloud.add_volume("stack", "pvc-1");
        cloud.add_network("tenant", "net", "10.20.1.0/24", false);
        cloud.add_glance_image("tenant", "noble", &serde_json::json!({}));
        cloud.add_named_credential("mgmt", "capi");
        let inventory = CloudInventory::new(cloud.admin("mgmt"));
        let names = async |kind| -> Vec<String> {
            let all = inventory.resources(kind).await.unwrap();
            assert!(all.iter().all(|one| !one.id.is_empty()), "{kind}: {all:?}");
            all.into_iter().map(|one| one.name).collect()
        };
        for kind in ResourceKind::ALL {
            names(kind).await;
        }
        for (kind, all) in [
            (ResourceKind::Server, &["capi-mgmt", "web", "web"][..]),
            (ResourceKind::LoadBalancer, &["capi-mgmt", "web", "web"]),
            (ResourceKind::Volume, &["pvc-1"]),
            (ResourceKind::Credential, &["capi"]),
            (ResourceKind::Cluster, &[]),
            (ResourceKind::Trust, &[]),
        ] {
            assert_eq!(names(kind).await, all, "{kind}");
        }
        for (kind, name) in [(ResourceKind::Network, "net"), (ResourceKind::Image, "noble")] {
            assert!(names(kind).await.iter().any(|one| one == name), "{kind}");
        }
        // Who is no administrator sees the own ones, and no amphora.
        let member = CloudInventory::new(cloud.member("other"));
        assert!(member.resources(ResourceKind::Server).await.unwrap().is_empty());
        let refused = member.resources(ResourceKind::Amphora).await.unwrap_err();
        assert_eq!(refused.refusal().map(|one| one.status), Some(403), "{refused}");
    }
}
