use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use omega_core::Label;
use serde_json::{Value, json};

use super::{
    ClusterObserved, TemplateObserved,
    wire::{Cluster, NodeGroup, Template},
};
use crate::{
    Error, Method, Request, Service, Transport,
    service_response::{Listed, Odd, absent, fetch, list, list_at, list_with_odd, send},
};

/// The microversion that has node groups. Everything else is in the first one, 1.1, which Magnum takes a
/// request without a version for (magnum 18.0.1, `api/rest_api_version_history.rst`).
const NODE_GROUPS: &str = "1.9";

/// The microversion that creates a cluster without workers (`api/controllers/v1/cluster.py`, `post`).
const NO_WORKERS: &str = "1.10";

/// Magnum.
#[derive(Clone)]
pub struct ContainerInfra {
    transport: Arc<dyn Transport>,
    odd: Arc<Mutex<BTreeSet<OddCluster>>>,
}

/// A cluster of a list that could not be understood. The others of its list were read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct OddCluster {
    /// Its name and its id, as far as it has them.
    pub names: Vec<String>,
    /// What is wrong.
    pub why: String,
}

impl OddCluster {
    /// Returns what it is called.
    pub fn name(&self) -> &str {
        self.names.first().map_or("without a name", String::as_str)
    }
}

impl ContainerInfra {
    /// Returns a client for the project that `transport`'s token is scoped to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, odd: Arc::default() }
    }

    /// Returns the clusters that the token may see: those of the project, or with an administrator's
    /// token those of every project. One that can't be understood is passed over:
    /// [`Self::odd_clusters`] names it.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, Error> {
        Ok(self.listed().await?.all)
    }

    /// The same, to look for the cluster with the name or id `wanted`: it must not look absent.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it, or if that cluster can't be understood.
    pub async fn clusters_for(&self, wanted: &str) -> Result<Vec<Cluster>, Error> {
        Ok(self.listed().await?.whole_for(wanted)?.all)
    }

    /// Returns the clusters of the lists read so far that could not be understood.
    pub fn odd_clusters(&self) -> Vec<OddCluster> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    async fn listed(&self) -> Result<Listed<Cluster>, Error> {
        let request = request(Method::Get, &["clusters", "detail"]);
        let listed = Box::pin(list_with_odd(&*self.transport, request, "clusters")).await?;
        let of =
            |Odd { names, why, .. }: &Odd| OddCluster { names: names.clone(), why: why.clone() };
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        for one in listed.odd.iter().map(of) {
            if odd.insert(one.clone()) {
                let (cluster, why) = (one.name(), &one.why);
                tracing::warn!(target: "omega_notice", cluster, why, "a cluster of Magnum's list is left out");
            }
        }
        Ok(listed)
    }

    /// Returns the project's clusters of exactly this name, and Magnum's time.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn clusters_named(&self, name: &str) -> Result<ClusterObserved, Error> {
        let project = self.project_id().await?;
        let Listed { all: mut clusters, at, .. } = self.listed().await?.whole_for(name)?;
        clusters.retain(|one| one.name == name && is_of(one.project_id.as_ref(), &project));
        Ok(ClusterObserved { clusters, at, in_hand_over: Vec::new() })
    }

    /// Returns the project's clusters.
    pub(super) async fn project_clusters(&self) -> Result<Vec<Cluster>, Error> {
        let project = self.project_id().await?;
        let mut clusters = self.clusters().await?;
        clusters.retain(|one| is_of(one.project_id.as_ref(), &project));
        Ok(clusters)
    }

    /// Returns how many clusters the project may have. None if it has no quota of its own and Magnum does
    /// not tell its default.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn cluster_limit(&self) -> Result<Option<u64>, Error> {
        let project = self.project_id().await?;
        let request = request(Method::Get, &["quotas", &project, "Cluster"]);
        absent(fetch(&*self.transport, request, "hard_limit").await)
    }

    /// Returns the template with this name or id that the project may use, if there is exactly one.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn template(&self, name_or_id: &str) -> Result<Option<Template>, Error> {
        let mut found = self.usable_templates(name_or_id).await?;
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// Returns the project's clusters with this name or this id.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn find_clusters(&self, name_or_id: &str) -> Result<Vec<Cluster>, Error> {
        let project = self.project_id().await?;
        let mut clusters = self.clusters_for(name_or_id).await?;
        let is = |one: &Cluster| one.name == name_or_id || one.uuid == name_or_id;
        clusters.retain(|one| is(one) && is_of(one.project_id.as_ref(), &project));
        Ok(clusters)
    }

    /// Returns the certificate of the authority of the cluster with the id, in PEM. Magnum gives the
    /// cluster's driver the authority, so it is that of the cluster's API.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it: it is the user's who created the
    /// cluster.
    pub async fn cluster_ca(&self, id: &str) -> Result<String, Error> {
        fetch(&*self.transport, request(Method::Get, &["certificates", id]), "pem").await
    }

    /// Returns the certificate for a request, in PEM, signed by the authority of the cluster with the
    /// id.
    pub(super) async fn sign(&self, id: &str, csr: &str) -> Result<String, Error> {
        let body = json!({ "cluster_uuid": id, "csr": csr });
        fetch(&*self.transport, request(Method::Post, &["certificates"]).body(body), "pem").await
    }

    /// Returns the ids of the templates with this name or id that the project may use: its own and
    /// public ones.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn template_ids(&self, name_or_id: &str) -> Result<Vec<String>, Error> {
        let templates = self.usable_templates(name_or_id).await?;
        Ok(templates.into_iter().map(|one| one.uuid).collect())
    }

    async fn usable_templates(&self, name_or_id: &str) -> Result<Vec<Template>, Error> {
        let project = self.project_id().await?;
        let mut templates = self.templates().await?;
        let usable = |one: &Template| {
            is_of(one.project_id.as_ref(), &project) || one.fields.public == Some(true)
        };
        let is = |one: &Template| one.name == name_or_id || one.uuid == name_or_id;
        templates.retain(|one| is(one) && usable(one));
        Ok(templates)
    }

    /// Returns whether Magnum has handed the cluster over: its driver has created the helm release.
    ///
    /// Magnum's conductor writes the release's name into the node groups once the driver has returned. In
    /// the cluster itself the driver writes it before it does anything else (magnum 18.0.1,
    /// `conductor/handlers/cluster_conductor.py`, `cluster_create`; magnum-capi-helm 1.4.0,
    /// `create_cluster`).
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn is_handed_over(&self, cluster: &Cluster) -> Result<bool, Error> {
        let groups = absent(self.node_groups(&cluster.uuid).await)?.unwrap_or_default();
        Ok(groups.iter().any(|group| group.stack_id.is_some()))
    }

    /// Returns the project's clusters of the name, and which of them Magnum is still handing to its driver.
    ///
    /// Its conductor creates a cluster in one go: trust, certificates, the driver's helm release; then
    /// it writes the cluster's `stack_id` into the node groups (magnum 18.0.1,
    /// `conductor/handlers/cluster_conductor.py`, `cluster_create`).
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn clusters_to_delete(&self, name: &str) -> Result<ClusterObserved, Error> {
        let mut seen = self.clusters_named(name).await?;
        for cluster in seen.clusters.iter().filter(|cluster| cluster.is_being_created()) {
            let groups = absent(self.node_groups(&cluster.uuid).await)?.unwrap_or_default();
            if groups.is_empty() || groups.iter().any(|group| group.stack_id.is_none()) {
                seen.in_hand_over.push(cluster.uuid.clone());
            }
        }
        Ok(seen)
    }

    /// Returns the project's templates of exactly this name, the clusters that use them, and Magnum's
    /// time.
    pub(crate) async fn templates_named(&self, name: &str) -> Result<TemplateObserved, Error> {
        let project = self.project_id().await?;
        let request = request(Method::Get, &["clustertemplates"]);
        let (mut templates, at): (Vec<Template>, _) =
            list_at(&*self.transport, request, "clustertemplates").await?;
        templates.retain(|one| one.name == name && is_of(one.project_id.as_ref(), &project));
        // Magnum itself refuses to delete a template that is used by one that can't be understood.
        let mut users = if templates.is_empty() { Vec::new() } else { self.clusters().await? };
        users.retain(|user| templates.iter().any(|one| one.uuid == user.cluster_template_id));
        Ok(TemplateObserved { templates, users, at })
    }

    pub(super) fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    /// Returns the id of the project that the token is scoped to.
    ///
    /// # Errors
    ///
    /// Fails if Keystone does not answer, or the token has no project.
    pub async fn project_id(&self) -> Result<String, Error> {
        let project = self.transport.token_info().await?.project;
        project.map(|project| project.id).ok_or_else(|| Error::NoProject(self.label()))
    }

    /// Returns the cluster with the id, if there is one. Only this answer says which labels are its own.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn cluster(&self, id: &str) -> Result<Option<Cluster>, Error> {
        absent(fetch(&*self.transport, request(Method::Get, &["clusters", id]), "").await)
    }

    /// Returns the id that Magnum assigns. The cluster is created afterwards.
    pub(crate) async fn create_cluster(&self, body: Value) -> Result<String, Error> {
        let no_workers = body.get("node_count").and_then(Value::as_u64) == Some(0);
        let microversion = no_workers.then_some(NO_WORKERS);
        let request = request(Method::Post, &["clusters"]).body(body);
        fetch(&*self.transport, Request { microversion, ..request }, "uuid").await
    }

    pub(crate) async fn delete_cluster(&self, id: &str) -> Result<(), Error> {
        send(&*self.transport, request(Method::Delete, &["clusters", id])).await
    }

    /// Returns the node groups of the cluster with the id, in Magnum's order.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn node_groups(&self, cluster: &str) -> Result<Vec<NodeGroup>, Error> {
        let request = request(Method::Get, &["clusters", cluster, "nodegroups"]);
        let request = Request { microversion: Some(NODE_GROUPS), ..request };
        list(&*self.transport, request, "nodegroups").await
    }

    /// Returns the templates that the token may see.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn templates(&self) -> Result<Vec<Template>, Error> {
        let request = request(Method::Get, &["clustertemplates"]);
        list(&*self.transport, request, "clustertemplates").await
    }

    pub(crate) async fn create_template(&self, body: Value) -> Result<Template, Error> {
        let request = request(Method::Post, &["clustertemplates"]).body(body);
        fetch(&*self.transport, request, "").await
    }

    pub(super) async fn update_template(&self, id: &str, patch: Value) -> Result<(), Error> {
        let request = request(Method::Patch, &["clustertemplates", id]).body(patch);
        send(&*self.transport, request).await
    }

    pub(crate) async fn delete_template(&self, id: &str) -> Result<(), Error> {
        send(&*self.transport, request(Method::Delete, &["clustertemplates", id])).await
    }
}

fn request(method: Method, path: &[&str]) -> Request {
    Request::new(Service::ContainerInfra, method, path)
}

/// An administrator's token also sees other projects' resources.
fn is_of(project: Option<&String>, wanted: &str) -> bool {
    project.is_none_or(|id| id == wanted)
}

impl Label for ContainerInfra {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for ContainerInfra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContainerInfra").field(&self.label()).finish()
    }
}
