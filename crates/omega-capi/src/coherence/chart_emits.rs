use semver::Version;
use serde::{Deserialize, Serialize};

use omega_driver::GroupVersion;

/// A kind that the chart creates for every cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartObject {
    /// `OpenStackCluster`.
    pub kind: String,
    /// Its plural.
    pub plural: String,
    /// The `apiVersion` in the chart.
    pub at: GroupVersion,
}

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";

/// Returns what version `chart` of `openstack-cluster` creates; `None` if it is not one of the known
/// releases, 0.4.0 to 0.27.0.
///
/// Source: the templates at the tags of capi-helm-charts. The infrastructure group is v1alpha7 up
/// to 0.10.1 and v1beta1 since 0.11.0. In all of them core, bootstrap and control plane are v1beta1
/// and the addons v1alpha1. After 0.27.0 the templates use v1beta2.
pub fn chart_emits(chart: &Version) -> Option<Vec<ChartObject>> {
    if *chart < Version::new(0, 4, 0) || *chart > Version::new(0, 27, 0) {
        return None;
    }
    let infrastructure = if *chart < Version::new(0, 11, 0) { "v1alpha7" } else { "v1beta1" };
    let emitted = |group: &str, version: &str, kind: &str, plural: &str| ChartObject {
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        at: GroupVersion { group: group.to_owned(), version: version.to_owned() },
    };
    let (cluster, kubeadm) = ("cluster.x-k8s.io", "bootstrap.cluster.x-k8s.io");
    let (control, addons) = ("controlplane.cluster.x-k8s.io", "addons.stackhpc.com");
    Some(vec![
        emitted(cluster, "v1beta1", "Cluster", "clusters"),
        emitted(cluster, "v1beta1", "MachineDeployment", "machinedeployments"),
        emitted(control, "v1beta1", "KubeadmControlPlane", "kubeadmcontrolplanes"),
        emitted(kubeadm, "v1beta1", "KubeadmConfigTemplate", "kubeadmconfigtemplates"),
        emitted(INFRASTRUCTURE, infrastructure, "OpenStackCluster", "openstackclusters"),
        emitted(
            INFRASTRUCTURE,
            infrastructure,
            "OpenStackMachineTemplate",
            "openstackmachinetemplates",
        ),
        emitted(addons, "v1alpha1", "HelmRelease", "helmreleases"),
        emitted(addons, "v1alpha1", "Manifests", "manifests"),
    ])
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::chart_emits;

    #[test]
    fn the_infrastructure_version_changes_at_0_11_0() {
        let infrastructure = |chart: &str| {
            let emitted = chart_emits(&Version::parse(chart).unwrap())?;
            let clusters: Vec<_> =
                emitted.into_iter().filter(|e| e.kind == "OpenStackCluster").collect();
            assert_eq!(clusters.len(), 1);
            Some(clusters[0].at.to_string())
        };
        let at = |version: &str| Some(format!("infrastructure.cluster.x-k8s.io/{version}"));
        assert_eq!(infrastructure("0.3.9"), None);
        assert_eq!(infrastructure("0.4.0"), at("v1alpha7"));
        assert_eq!(infrastructure("0.10.1"), at("v1alpha7"));
        assert_eq!(infrastructure("0.11.0"), at("v1beta1"));
        assert_eq!(infrastructure("0.25.1"), at("v1beta1"));
        assert_eq!(infrastructure("0.27.0"), at("v1beta1"));
        assert_eq!(infrastructure("0.27.1"), None);
    }
}
