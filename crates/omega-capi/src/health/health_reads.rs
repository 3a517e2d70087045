use std::fmt;

use serde::{Deserialize, Serialize};

use crate::served::{ServedVersions, age};
use omega_driver::{
    DriverRelease, GroupVersion, NamespacePrefix, Overrides, ReadClass, StackId, driver_reads,
};

/// What the names of a cluster's objects are derived from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Magnum's `stack_id`: the name of the helm release and of the Cluster.
    pub stack_id: Option<String>,
    /// The id of the project, as in Magnum.
    pub project_id: String,
    /// The driver's option `namespace_prefix`, by default `magnum`.
    pub namespace_prefix: String,
    /// In Magnum's order.
    pub node_groups: Vec<NodeGroup>,
}

/// A node group of Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroup {
    /// `default-worker`.
    pub name: String,
    /// `master`, `worker`, or any name that the user chose.
    pub role: String,
}

/// The part of the driver's verdict that a read is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthPart {
    /// Cluster API's Cluster.
    Cluster,
    /// The `OpenStackCluster`.
    Infrastructure,
    /// The `KubeadmControlPlane`.
    ControlPlane,
    /// The `MachineDeployment` of a node group.
    NodeGroup(String),
}

/// One object that the health code reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct HealthRead {
    pub part: HealthPart,
    pub at: GroupVersion,
    pub plural: String,
    pub path: String,
}

impl fmt::Display for HealthPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("Cluster"),
            Self::Infrastructure => f.write_str("OpenStackCluster"),
            Self::ControlPlane => f.write_str("KubeadmControlPlane"),
            Self::NodeGroup(name) => write!(f, "MachineDeployment of {name}"),
        }
    }
}

impl Names {
    /// Returns the namespace of the cluster's objects.
    pub fn namespace(&self) -> String {
        NamespacePrefix::new(&self.namespace_prefix).namespace(&self.project_id)
    }

    /// Returns the name of an object of the cluster; `None` without a `stack_id`.
    fn object(&self, suffix: &str) -> Option<String> {
        Some(StackId::new(self.stack_id.as_deref()?)?.object(suffix))
    }
}

/// Returns what the health code of `driver` reads of a cluster, in its order; `None` if the cluster
/// has no `stack_id`, as it then fails before it reads anything.
///
/// Source: `poll_health_status` in `magnum_capi_helm/common/capi_monitor.py`, and `driver_utils.py`
/// for the names. Both are the same in 1.1.0 to 1.4.0.
pub fn health_reads(
    driver: &DriverRelease,
    overrides: &Overrides,
    names: &Names,
) -> Option<Vec<HealthRead>> {
    let reads = driver_reads(driver, overrides);
    let namespace = names.namespace();
    let one = |part: HealthPart, class: ReadClass, suffix: &str| {
        let read = reads.iter().find(|read| read.class == class)?;
        let path = path(&read.at, &read.plural, &namespace, &names.object(suffix)?);
        Some(HealthRead { part, at: read.at.clone(), plural: read.plural.clone(), path })
    };
    let mut all = vec![
        one(HealthPart::Cluster, ReadClass::Cluster, "")?,
        one(HealthPart::Infrastructure, ReadClass::OpenstackCluster, "")?,
        one(HealthPart::ControlPlane, ReadClass::K8sControlPlane, "control-plane")?,
    ];
    for group in names.node_groups.iter().filter(|group| group.role != "master") {
        let part = HealthPart::NodeGroup(group.name.clone());
        all.push(one(part, ReadClass::MachineDeployment, &group.name)?);
    }
    Some(all)
}

/// Returns a read of each object at a served version: at v1beta1, which has the conditions of both
/// contracts, or else at the newest. A kind without a served version is left out.
pub(super) fn served_reads(served: &ServedVersions, names: &Names) -> Vec<HealthRead> {
    let known =
        health_reads(&DriverRelease::v1_4_0(), &Overrides::default(), names).unwrap_or_default();
    let served = |read: HealthRead| {
        let HealthRead { part, at: GroupVersion { group, version }, plural, path } = read;
        let versions = served.versions_of(&group, &plural);
        let best = versions.max_by_key(|v| (*v == version, age(v)))?.to_owned();
        let path = path.replacen(&format!("/{version}/"), &format!("/{best}/"), 1);
        Some(HealthRead { part, at: GroupVersion { group, version: best }, plural, path })
    };
    known.into_iter().filter_map(served).collect()
}

fn path(at: &GroupVersion, plural: &str, namespace: &str, name: &str) -> String {
    let prefix = if at.group.is_empty() { "/api" } else { "/apis" };
    let name = if name.is_empty() { String::new() } else { format!("/{name}") };
    format!("{prefix}/{at}/namespaces/{namespace}/{plural}{name}")
}

#[cfg(test)]
mod tests {
    use super::{Names, NodeGroup, health_reads};
    use omega_driver::{DriverRelease, Overrides};

    fn names(stack: Option<&str>) -> Names {
        let group = |name: &str, role: &str| NodeGroup { name: name.into(), role: role.into() };
        Names {
            stack_id: stack.map(str::to_owned),
            project_id: "0A-bc_9".to_owned(),
            namespace_prefix: "magnum".to_owned(),
            node_groups: vec![
                group("m", "master"),
                group("GPU nodes!", "gpu"),
                group("w", "worker"),
            ],
        }
    }

    fn paths(driver: &DriverRelease, overrides: &str, stack: Option<&str>) -> Option<Vec<String>> {
        let reads = health_reads(driver, &Overrides::of_value(overrides).unwrap(), &names(stack))?;
        Some(reads.into_iter().map(|read| read.path).collect())
    }

    #[test]
    fn the_paths_are_the_drivers() {
        let ns = "namespaces/magnum-0abc9";
        let expected = [
            format!("/apis/cluster.x-k8s.io/v1beta1/{ns}/clusters/c-1"),
            format!("/apis/infrastructure.cluster.x-k8s.io/v1beta1/{ns}/openstackclusters/c-1"),
            format!(
                "/apis/controlplane.cluster.x-k8s.io/v1beta1/{ns}/kubeadmcontrolplanes/\
                 c-1-control-plane"
            ),
            format!("/apis/cluster.x-k8s.io/v1beta1/{ns}/machinedeployments/c-1-gpu-nodes"),
            format!("/apis/cluster.x-k8s.io/v1beta1/{ns}/machinedeployments/c-1-w"),
        ];
        assert_eq!(paths(&DriverRelease::v1_4_0(), "{}", Some("-C_1-")).unwrap(), expected);
        let old = expected.map(|path| {
            path.replace(
                "infrastructure.cluster.x-k8s.io/v1beta1",
                "infrastructure.cluster.x-k8s.io/v1alpha6",
            )
        });
        assert_eq!(paths(&DriverRelease::v1_3_0(), "{}", Some("c-1")).unwrap(), old);
    }

    #[test]
    fn without_a_name_nothing_is_read() {
        assert_eq!(paths(&DriverRelease::v1_4_0(), "{}", None), None);
        assert_eq!(paths(&DriverRelease::v1_4_0(), "{}", Some("")), None);
        // If nothing is left of the name, the driver reads the list.
        let list = paths(&DriverRelease::v1_4_0(), "{}", Some("--")).unwrap();
        assert!(list[0].ends_with("/clusters"), "{}", list[0]);
    }
}
