use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use omega_core::Label;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{
    Cidr, ListedNetwork, ListedSubnet,
    cluster_network::ClusterNetworkObserved,
    network_resources::{FloatingIp, NamedResource, NetworkResource, Port, Subnet},
    wire::{Group, NewRule, Spec},
};
use crate::{
    Error, Method, Request, Service, Transport,
    container_infra::is_uuid,
    load_balancer::of_project,
    service_response::{list, send},
};

/// Neutron.
#[derive(Clone)]
pub struct Network {
    transport: Arc<dyn Transport>,
    /// Cached groups by name, if caching is enabled.
    kept: Option<Arc<Mutex<BTreeMap<String, Kept>>>>,
}

type Kept = Arc<OnceCell<Vec<Group>>>;

impl Network {
    /// Returns a client for the project that `transport`'s token is scoped to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, kept: None }
    }

    /// Returns a client that reads the security groups of a name once, for any number of rules. For a
    /// verification only: it does not see changes.
    #[must_use]
    pub fn caching(&self) -> Self {
        Self { transport: Arc::clone(&self.transport), kept: Some(Arc::default()) }
    }

    pub(super) fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    /// Returns the id of the project.
    ///
    /// # Errors
    ///
    /// Fails if there is no token or it has no project.
    pub async fn project_id(&self) -> Result<String, Error> {
        let project = self.transport.token_info().await?.project;
        project.map(|project| project.id).ok_or_else(|| Error::NoProject(self.label()))
    }

    /// Returns the addresses that the catalog lists for everybody, by service: those that are no names.
    pub(super) async fn public_addresses(&self) -> Result<Vec<(String, Cidr)>, Error> {
        let catalog = self.transport.token_info().await?.catalog;
        let each = catalog.0.into_iter().flat_map(|entry| {
            let public = entry.endpoints.into_iter().filter(|one| one.interface == "public");
            public.map(move |one| (entry.service_type.clone(), one.url))
        });
        let address = |(service, url): (String, String)| {
            let host = url.parse::<url::Url>().ok()?.host_str()?.to_owned();
            Some((service, host.trim_matches(['[', ']']).parse().ok()?))
        };
        Ok(each.filter_map(address).collect())
    }

    /// Returns the external networks that the project sees.
    pub(super) async fn external_networks(&self) -> Result<Vec<ListedNetwork>, Error> {
        let request = Request::new(Service::Network, Method::Get, &["networks"])
            .query("router:external", "true");
        list(&*self.transport, request, "networks").await
    }

    /// Returns the subnets with this value of a field that the token may see.
    pub(super) async fn subnets_with(
        &self,
        field: &str,
        value: &str,
    ) -> Result<Vec<ListedSubnet>, Error> {
        let request = Request::new(Service::Network, Method::Get, &["subnets"]).query(field, value);
        list(&*self.transport, request, "subnets").await
    }

    /// Returns the ids of the networks of this name or id that the project may use.
    pub(super) async fn networks_named(&self, text: &str) -> Result<Vec<String>, Error> {
        let field = if is_uuid(text) { "id" } else { "name" };
        let request = Request::new(Service::Network, Method::Get, &["networks"]).query(field, text);
        let all: Vec<ListedNetwork> = list(&*self.transport, request, "networks").await?;
        let is = |one: &ListedNetwork| one.id == text || one.name == text;
        Ok(all.into_iter().filter(is).map(|one| one.id).collect())
    }

    /// Returns the groups of this project that have exactly this name, with their rules.
    ///
    /// An administrator's token sees every project's groups, and other projects can share theirs, so
    /// both the query and the answer are restricted to this project.
    pub(crate) async fn groups(&self, name: &str) -> Result<Vec<Group>, Error> {
        let Some(kept) = &self.kept else { return self.read_groups(name).await };
        let kept = {
            let mut all = kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(name.to_owned()).or_default())
        };
        kept.get_or_try_init(|| self.read_groups(name)).await.cloned()
    }

    async fn read_groups(&self, name: &str) -> Result<Vec<Group>, Error> {
        let project = self.project_id().await?;
        let request = Request::new(Service::Network, Method::Get, &["security-groups"])
            .query("name", name)
            .query("project_id", &project);
        let mut groups: Vec<Group> = list(&*self.transport, request, "security_groups").await?;
        groups.retain(|g| g.name == name && g.project_id.as_ref().is_none_or(|id| *id == project));
        Ok(groups)
    }

    pub(crate) async fn create_rule(
        &self,
        group_id: &str,
        spec: &Spec,
        description: &str,
    ) -> Result<(), Error> {
        let rule = NewRule { security_group_id: group_id, description, spec };
        let request = Request::new(Service::Network, Method::Post, &["security-group-rules"])
            .body(json!({ "security_group_rule": rule }));
        send(&*self.transport, request).await
    }

    /// Returns the project's resources that can be part of a cluster's network.
    ///
    /// An administrator's token sees every project's resources, so query and answer are restricted to
    /// this project.
    ///
    /// # Errors
    ///
    /// Fails if Neutron or Octavia does not answer or does not permit it. A cloud without Octavia
    /// has no load balancers.
    pub async fn inventory(&self) -> Result<ClusterNetworkObserved, Error> {
        let project = self.project_id().await?;
        let named = |one: &NamedResource| one.project_id.clone();
        let balancers = async {
            match of_project(&*self.transport).await {
                Err(Error::NoEndpoint { .. }) => Ok(Vec::new()),
                other => other,
            }
        };
        let (load_balancers, floating_ips, ports, routers, subnets, networks, groups) = futures::try_join!(
            balancers,
            self.resources(NetworkResource::FloatingIp, &project, |one: &FloatingIp| {
                one.project_id.clone()
            }),
            self.resources(NetworkResource::Port, &project, |one: &Port| one.project_id.clone()),
            self.resources(NetworkResource::Router, &project, named),
            self.resources(NetworkResource::Subnet, &project, |one: &Subnet| one
                .project_id
                .clone()),
            self.resources(NetworkResource::Network, &project, named),
            self.resources(NetworkResource::SecurityGroup, &project, named),
        )?;
        Ok(ClusterNetworkObserved {
            floating_ips,
            ports,
            routers,
            subnets,
            networks,
            groups,
            load_balancers,
        })
    }

    /// Returns the project's floating IPs.
    ///
    /// # Errors
    ///
    /// Fails if Neutron does not answer or refuses.
    pub async fn floating_ips(&self) -> Result<Vec<FloatingIp>, Error> {
        let project = self.project_id().await?;
        let of = |one: &FloatingIp| one.project_id.clone();
        self.resources(NetworkResource::FloatingIp, &project, of).await
    }

    pub(super) async fn list_of<T: DeserializeOwned>(
        &self,
        request: Request,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        list(&*self.transport, request, key).await
    }

    async fn resources<T: DeserializeOwned>(
        &self,
        resource: NetworkResource,
        project: &str,
        of: impl Fn(&T) -> Option<String>,
    ) -> Result<Vec<T>, Error> {
        let request = Request::new(Service::Network, Method::Get, &[resource.plural()])
            .query("project_id", project);
        let mut all: Vec<T> = list(&*self.transport, request, resource.key()).await?;
        all.retain(|one| of(one).is_none_or(|id| id == project));
        Ok(all)
    }

    pub(crate) async fn delete_resource(
        &self,
        resource: NetworkResource,
        id: &str,
    ) -> Result<(), Error> {
        let path = [resource.plural(), id];
        send(&*self.transport, Request::new(Service::Network, Method::Delete, &path)).await
    }

    pub(crate) async fn remove_interface(&self, router: &str, subnet: &str) -> Result<(), Error> {
        let path = ["routers", router, "remove_router_interface"];
        let request =
            Request::new(Service::Network, Method::Put, &path).body(json!({ "subnet_id": subnet }));
        send(&*self.transport, request).await
    }

    pub(crate) async fn delete_rule(&self, id: &str) -> Result<(), Error> {
        let path = ["security-group-rules", id];
        send(&*self.transport, Request::new(Service::Network, Method::Delete, &path)).await
    }
}

impl Label for Network {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Network").field(&self.label()).finish()
    }
}
