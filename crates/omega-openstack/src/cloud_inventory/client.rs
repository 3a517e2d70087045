use std::{collections::BTreeMap, fmt, sync::Arc};

use omega_core::Label;
use serde_json::Value;

use super::{
    Quota, Server, VolumeType,
    wire::{Detail, Limits},
};
use crate::{
    Error, Method, Request, Service, TokenInfo, Transport,
    compute::Usage,
    load_balancer::{self, Amphora, LoadBalancer},
    service_response::{fetch, list},
};

/// Reads a cloud's services, quotas and resources.
#[derive(Clone)]
pub struct CloudInventory {
    transport: Arc<dyn Transport>,
}

impl CloudInventory {
    /// Returns an inventory with the rights of `transport`'s token. Quotas and load balancers of
    /// another project need an administrator.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Returns the facts that Keystone returned with the token.
    ///
    /// # Errors
    ///
    /// [`Error::Login`] if it gives none.
    pub async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.transport.token_info().await
    }

    /// Returns how the services are reached.
    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// Returns the id of the project that the token is scoped to.
    pub(super) async fn project_id(&self) -> Result<String, Error> {
        let project = self.token_info().await?.project;
        project.map(|project| project.id).ok_or_else(|| Error::NoProject(self.label()))
    }

    /// Reads a list of `service` with the limit 1, to see whether the service answers at all.
    ///
    /// # Errors
    ///
    /// [`Error::NoEndpoint`] if the catalog has none; otherwise the service does not answer, or
    /// refuses this user.
    pub async fn check(&self, service: Service) -> Result<(), Error> {
        let (path, key): (&[&str], _) = match service {
            Service::Identity => (&["projects"], "projects"),
            Service::Network => (&["networks"], "networks"),
            Service::ContainerInfra => (&["clusters"], "clusters"),
            Service::BlockStorage => (&["types"], "volume_types"),
            Service::LoadBalancer => (&["lbaas", "loadbalancers"], "loadbalancers"),
            Service::Compute => (&["servers"], "servers"),
            Service::Image => (&["images"], "images"),
            Service::Placement => (&["resource_providers"], "resource_providers"),
            Service::KeyManager => (&["secrets"], "secrets"),
        };
        let request = Request::new(service, Method::Get, path).query("limit", "1");
        // An error page of a proxy may also have the status 200.
        fetch::<Vec<Value>>(&*self.transport, request, key).await.map(drop)
    }

    /// Returns the volume types that the token's project may see. The driver uses one for the default
    /// storage class (magnum-capi-helm 1.4.0, driver.py), and fails without one.
    ///
    /// # Errors
    ///
    /// Fails if Cinder does not answer, or is not in the catalog.
    pub async fn volume_types(&self) -> Result<Vec<VolumeType>, Error> {
        let request = Request::new(Service::BlockStorage, Method::Get, &["types"]);
        list(&*self.transport, request, "volume_types").await
    }

    /// Returns the servers of exactly this name in the token's project.
    ///
    /// # Errors
    ///
    /// Fails if Nova does not answer.
    pub async fn servers_named(&self, name: &str) -> Result<Vec<Server>, Error> {
        // For Nova the name is a regular expression that matches anywhere, so names are compared
        // here.
        let request = Request::new(Service::Compute, Method::Get, &["servers", "detail"])
            .query("name", regex_escaped(name));
        let mut servers: Vec<Server> = list(&*self.transport, request, "servers").await?;
        servers.retain(|server| server.name == name);
        Ok(servers)
    }

    /// Returns the load balancers of a project.
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer, or refuses this user.
    pub async fn load_balancers(&self, project: &str) -> Result<Vec<LoadBalancer>, Error> {
        load_balancer::of(&*self.transport, project).await
    }

    /// Returns the amphorae of every load balancer.
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer, or refuses this user: only `admin` and `load-balancer_admin` may
    /// list them.
    pub(super) async fn amphorae(&self) -> Result<Vec<Amphora>, Error> {
        let request = Request::new(Service::LoadBalancer, Method::Get, &["octavia", "amphorae"]);
        list(&*self.transport, request, "amphorae").await
    }

    /// Returns Neutron's quotas of a project, and how much of them is used.
    ///
    /// # Errors
    ///
    /// Fails if Neutron does not answer, or refuses this user.
    pub async fn network_quotas(&self, project: &str) -> Result<Vec<Quota>, Error> {
        let path = ["quotas", project, "details.json"];
        let request = Request::new(Service::Network, Method::Get, &path);
        let details: BTreeMap<String, Detail> = fetch(&*self.transport, request, "quota").await?;
        let quota = |(resource, detail): (String, Detail)| Quota {
            resource,
            limit: u64::try_from(detail.limit).ok(),
            used: detail.used + detail.reserved,
        };
        Ok(details.into_iter().map(quota).collect())
    }

    /// Returns Cinder's quotas of the token's project, also by volume type (`gigabytes_TYPE`), and how
    /// much of them is used.
    ///
    /// # Errors
    ///
    /// Fails if Cinder does not answer, or refuses this user.
    pub async fn volume_quotas(&self) -> Result<Vec<Quota>, Error> {
        let project = self.project_id().await?;
        let path = ["os-quota-sets", project.as_str()];
        let request =
            Request::new(Service::BlockStorage, Method::Get, &path).query("usage", "true");
        let usage: Usage = fetch(&*self.transport, request, "quota_set").await?;
        Ok(usage.quotas())
    }

    /// Returns Octavia's quota of load balancers of a project that has `used` of them. An answer
    /// without a number means no limit.
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer, or refuses this user.
    pub async fn load_balancer_quota(&self, project: &str, used: usize) -> Result<Quota, Error> {
        let path = ["lbaas", "quotas", project];
        let request = Request::new(Service::LoadBalancer, Method::Get, &path);
        let limits: Limits = fetch(&*self.transport, request, "quota").await?;
        let limit = limits.load_balancer.and_then(|limit| u64::try_from(limit).ok());
        let used = u64::try_from(used).unwrap_or(u64::MAX);
        Ok(Quota { resource: "load_balancer".to_owned(), limit, used })
    }
}

/// Returns a regular expression that matches exactly this name.
pub(crate) fn regex_escaped(name: &str) -> String {
    let special = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'));
    let each = name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c]));
    format!("^{}$", each.collect::<String>())
}

impl Label for CloudInventory {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for CloudInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloudInventory").field(&self.label()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract, sim::Cloud};

    #[tokio::test]
    async fn the_simulator_keeps_the_contract() {
        let cloud = Cloud::new();
        contract::cloud_inventory(cloud.admin("admin"), cloud.member("other")).await;
    }

    #[tokio::test]
    async fn servers_are_found_by_their_whole_name_in_their_own_project() {
        let cloud = Cloud::new();
        for (project, name) in [
            ("mgmt", "capi.v2"),
            ("mgmt", "capi.v2"),
            ("mgmt", "capi-v2"),
            ("mgmt", "capi.v20"),
            ("other", "capi.v2"),
        ] {
            cloud.add_server(project, name, "SHUTOFF");
        }
        let found =
            CloudInventory::new(cloud.admin("mgmt")).servers_named("capi.v2").await.unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|one| one.name == "capi.v2" && one.status == "SHUTOFF"));
    }

    #[tokio::test]
    async fn a_quota_is_full_at_its_limit_and_none_is_no_limit() {
        let cloud = Cloud::new();
        let cloud_inventory = CloudInventory::new(cloud.admin("mgmt"));
        let project = cloud.project("mgmt");
        let full = async || -> Vec<String> {
            let network = cloud_inventory.network_quotas(&project).await.unwrap();
            let balancer = cloud_inventory.load_balancer_quota(&project, 2).await.unwrap();
            let all = network.into_iter().chain([balancer]);
            all.filter(Quota::is_full).map(|quota| quota.resource).collect()
        };
        assert!(full().await.is_empty());
        cloud.limit("mgmt", "router", 0);
        cloud.limit("mgmt", "load_balancer", 2);
        cloud.limit("other", "network", 0);
        assert_eq!(full().await, ["router", "load_balancer"]);
    }

    #[test]
    fn a_name_is_not_a_pattern() {
        assert_eq!(regex_escaped("capi-mgmt_2"), "^capi-mgmt_2$");
        assert_eq!(regex_escaped("a.b (c)"), r"^a\.b\ \(c\)$");
    }
}
