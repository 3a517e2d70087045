use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

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
    /// How long nodes may take to be created, replaced or removed.
    pub rollout: Duration,
}

/// How many nodes there should be, and at which version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodesWanted {
    /// The number of nodes.
    pub count: usize,
    /// The versions (`v1.34.8`) that a node may have.
    pub versions: BTreeSet<String>,
    /// Whether Cluster API is creating, replacing or removing some of them.
    pub changing: Option<Changing>,
}

/// Nodes are being created, replaced or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changing {
    /// Since when, by the management cluster's clock, if Cluster API says so.
    pub since: Option<Timestamp>,
}

/// Machines boot and join in minutes; three of a control plane do so one after the other.
pub(super) const ROLLOUT: Duration = Duration::from_mins(15);

impl Default for Wanted {
    fn default() -> Self {
        let (control_plane, workers) = (NodesWanted::default(), NodesWanted::default());
        let (network_driver, patience, rollout) = (None, PATIENCE, ROLLOUT);
        Self { control_plane, workers, network_driver, patience, rollout }
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
        changing: found.iter().filter_map(|one| changing(&one.status)).min_by_key(|one| one.since),
    }
}

/// Reads it off the conditions of contract v1beta2, two of v1beta1, or the phase
/// (Cluster API 1.13.2, `api/core/v1beta2/machinedeployment_types.go`, `v1beta1_condition_consts.go`).
fn changing(status: &Value) -> Option<Changing> {
    let text = |of: &Value, at: &str| of.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let lists = ["/v1beta2/conditions", "/conditions", "/deprecated/v1beta1/conditions"];
    let all = lists.iter().filter_map(|at| status.pointer(at)?.as_array()).flatten();
    let changes = |one: &&Value| {
        let is = |key: &str| text(one, key).unwrap_or_default();
        matches!(
            (is("/type").as_str(), is("/status").as_str()),
            ("ScalingUp" | "ScalingDown" | "RollingOut" | "Remediating", "True")
                | ("Resized" | "MachinesSpecUpToDate" | "MachinesUpToDate", "False")
        )
    };
    let begun =
        all.clone().filter(changes).map(|one| text(one, "/lastTransitionTime")?.parse().ok());
    if let Some(since) = begun.min() {
        return Some(Changing { since });
    }
    // A phase has no time, and is also said of a machine that is ill: it began with what is untrue.
    let lacks = |one: &&Value| {
        let kind = text(one, "/type").unwrap_or_default();
        let is = ["Available", "Ready", "MachinesReady"].contains(&kind.as_str());
        is && text(one, "/status").as_deref() == Some("False")
    };
    let untrue = all.filter(lacks);
    let since = untrue.filter_map(|one| text(one, "/lastTransitionTime")?.parse().ok()).min();
    let phase = text(status, "/phase").unwrap_or_default();
    matches!(phase.as_str(), "ScalingUp" | "ScalingDown").then_some(Changing { since })
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Value,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_phase_lasts_as_long_as_what_is_untrue() {
        let condition = |kind: &str, status: &str, hour: u8| {
            json!({"type": kind, "status": status,
                   "lastTransitionTime": format!("2026-11-21T{hour:02}:00:00Z")})
        };
        let since = |status: &Value| changing(status).map(|one| one.since.map(|at| at.to_string()));
        let nine = Some(Some("2026-11-21T09:00:00Z".to_owned()));
        // The machine is there and boots: v1beta2 no longer calls that scaling.
        let boots = json!({"phase": "ScalingUp", "conditions": [condition("Available", "False", 9)],
            "v1beta2": {"conditions": [condition("ScalingUp", "False", 1), condition("Deleting", "False", 1)]}});
        assert_eq!(since(&boots), nine);
        let scales = json!({"conditions": [condition("ScalingUp", "True", 9),
                                           condition("Available", "False", 8)]});
        assert_eq!(since(&scales), nine);
        assert_eq!(since(&json!({"phase": "ScalingUp", "conditions": null})), Some(None));
        assert_eq!(since(&json!({"phase": "Running"})), None);
        assert_eq!(since(&Value::Null), None);
    }
}
