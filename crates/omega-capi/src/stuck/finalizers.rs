//! Which controller owns which finalizer, and the order in which kinds can be deleted.

/// A kind whose finalizers can block the delete of a cluster.
#[derive(Debug)]
pub(super) struct HoldingKind {
    pub(super) group: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    /// The label with the name of the cluster; `None` for the cluster itself.
    pub(super) label: Option<&'static str>,
}

const CORE: &str = "cluster.x-k8s.io";
const PROVIDER: &str = "infrastructure.cluster.x-k8s.io";
const NAMED: Option<&str> = Some("cluster.x-k8s.io/cluster-name");
const ADDON: Option<&str> = Some("addons.stackhpc.com/cluster");

const fn kind(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    label: Option<&'static str>,
) -> HoldingKind {
    HoldingKind { group, plural, kind, label }
}

/// Children before their parents: a controller removes its finalizer once what it owns is gone
/// (cluster-api 1.13.2, `internal/controllers/cluster/cluster_controller.go`,
/// `reconcileDelete`: machines and control plane, then infrastructure, then the cluster).
pub(super) const KINDS: [HoldingKind; 11] = [
    kind("addons.stackhpc.com", "manifests", "Manifests", ADDON),
    kind("addons.stackhpc.com", "helmreleases", "HelmRelease", ADDON),
    kind(PROVIDER, "openstackservers", "OpenStackServer", NAMED),
    kind(PROVIDER, "openstackmachines", "OpenStackMachine", NAMED),
    kind(CORE, "machines", "Machine", NAMED),
    kind(CORE, "machinesets", "MachineSet", NAMED),
    kind(CORE, "machinedeployments", "MachineDeployment", NAMED),
    kind(CORE, "machinepools", "MachinePool", NAMED),
    kind("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes", "KubeadmControlPlane", NAMED),
    kind(PROVIDER, "openstackclusters", "OpenStackCluster", NAMED),
    kind(CORE, "clusters", "Cluster", None),
];

/// Finalizers, and the controller that removes each.
///
/// cluster-api 1.13.2: `api/core/v1beta2/cluster_types.go:37`, `machine_types.go:28`,
/// `machineset_types.go:31,35`, `machinedeployment_types.go:27,31`, `machinepool_types.go:28`,
/// `api/controlplane/kubeadm/v1beta2/kubeadm_control_plane_types.go:41`.
/// cluster-api-provider-openstack 0.14: `api/v1beta1/openstackcluster_types.go`,
/// `openstackmachine_types.go`, `api/v1alpha1/openstackserver_types.go`.
/// cluster-api-janitor-openstack: `capi_janitor/openstack/operator.py`, in its old and its new repository.
const OWNERS: [(&str, &str); 16] = [
    ("cluster.cluster.x-k8s.io", "Cluster API's core"),
    ("machine.cluster.x-k8s.io", "Cluster API's core"),
    ("cluster.x-k8s.io/machineset", "Cluster API's core"),
    ("machineset.topology.cluster.x-k8s.io", "Cluster API's core"),
    ("cluster.x-k8s.io/machinedeployment", "Cluster API's core"),
    ("machinedeployment.topology.cluster.x-k8s.io", "Cluster API's core"),
    ("machinepool.cluster.x-k8s.io", "Cluster API's core"),
    ("kubeadm.controlplane.cluster.x-k8s.io", "the kubeadm control plane"),
    ("openstackcluster.infrastructure.cluster.x-k8s.io", "the OpenStack provider"),
    ("openstackmachine.infrastructure.cluster.x-k8s.io", "the OpenStack provider"),
    ("openstackserver.infrastructure.cluster.x-k8s.io", "the OpenStack provider"),
    ("janitor.capi.azimuth-cloud.com", "the janitor"),
    ("janitor.capi.stackhpc.com", "the janitor"),
    ("addons.stackhpc.com/finalizer", "the addon provider"),
    ("foregroundDeletion", COLLECTOR),
    ("orphan", COLLECTOR),
];

/// It removes its finalizers once what the object owns is gone, or has no owner any more
/// (apimachinery 0.34, `pkg/apis/meta/v1/types.go`, `FinalizerDeleteDependents`).
const COLLECTOR: &str = "Kubernetes' garbage collector";

/// Returns whether the garbage collector removes `finalizer` by itself: there is nothing to release.
pub(super) fn is_collectors(finalizer: &str) -> bool {
    finalizer_owner(finalizer) == Some(COLLECTOR)
}

/// Returns which controller removes `finalizer`, if it is known.
pub fn finalizer_owner(finalizer: &str) -> Option<&'static str> {
    OWNERS.iter().find(|(known, _)| *known == finalizer).map(|(_, owner)| *owner)
}
