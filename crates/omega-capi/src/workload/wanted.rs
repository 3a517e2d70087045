use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;

use super::{ClusterName, choose_cluster::at, judge::PATIENCE};
use crate::{
    Error, Management,
    list::{JSON, label_selector},
    served::ServedVersions,
};

const PAGE: usize = 500;

/// What a workload cluster should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The nodes of the control plane.
    pub control_plane: NodesWanted,
    /// All other nodes.
    pub workers: NodesWanted,
    /// The `network_driver` of the cluster's template (`calico`), if known.
    pub network_driver: Option<String>,
    /// How long something may take before it is stuck.
    pub patience: Duration,
}

/// How many nodes there should be, and at which version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodesWanted {
    /// The number of nodes.
    pub count: usize,
    /// The versions (`v1.34.8`) that a node may have.
    pub versions: BTreeSet<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        let (control_plane, workers) = (NodesWanted::default(), NodesWanted::default());
        Self { control_plane, workers, network_driver: None, patience: PATIENCE }
    }
}

/// Reads from Cluster API how many nodes `cluster` should have, and at which version.
///
/// # Guarantees
///
/// Two requests at the same time. [`Wanted::network_driver`] is `None`: Cluster API does not know it.
///
/// # Errors
///
/// Fails if control planes or machine deployments can't be listed.
pub async fn wanted_nodes(
    management: &Management,
    served: &ServedVersions,
    cluster: &ClusterName,
) -> Result<Wanted, Error> {
    let list = async |group, plural| -> Result<NodesWanted, Error> {
        let path = at(management, served, group, plural, Some(&cluster.namespace))?;
        let ours = label_selector("cluster.x-k8s.io/cluster-name", cluster.name.as_str());
        let found: Vec<Object> = management.list(&path, &ours, PAGE, JSON).await?;
        Ok(sum(&found))
    };
    let (control_plane, workers) = futures::try_join!(
        list("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes"),
        list("cluster.x-k8s.io", "machinedeployments"),
    )?;
    Ok(Wanted { control_plane, workers, ..Wanted::default() })
}

fn sum(found: &[Object]) -> NodesWanted {
    let specs = || found.iter().map(|one| &one.spec);
    let version = |spec: &Spec| {
        let inner = spec.template.as_ref().and_then(|t| t.spec.as_ref()?.version.clone());
        spec.version.clone().or(inner)
    };
    NodesWanted {
        // Cluster API's default is 1.
        count: specs().map(|spec| spec.replicas.unwrap_or(1)).sum(),
        versions: specs().filter_map(version).collect(),
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    spec: Spec,
}

/// A control plane has its version here, a machine deployment in its template.
#[derive(Default, Deserialize)]
struct Spec {
    replicas: Option<usize>,
    version: Option<String>,
    template: Option<Template>,
}

#[derive(Deserialize)]
struct Template {
    spec: Option<TemplateSpec>,
}

#[derive(Deserialize)]
struct TemplateSpec {
    version: Option<String>,
}
