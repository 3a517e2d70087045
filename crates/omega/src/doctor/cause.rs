//! What can be wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Layer;

/// What is wrong: the rule of a finding, as a type. The names are an interface: never renamed.
///
/// The order is that in which one brings about another: what comes first is fixed first. It is
/// mostly the order of the layers; but what was done on purpose or by helm (a paused cluster, a
/// failed release, a template without a network plugin) comes before what the infrastructure lacks
/// because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Keystone does not answer, or something else answers at its address.
    IdentityUnreachable,
    /// Keystone refuses the operator's user or password.
    CredentialsRefused,
    /// The catalog has no endpoint for a service that a create needs.
    EndpointMissing,
    /// A service has an endpoint and does not answer there.
    ServiceUnreachable,
    /// Cinder shows no volume type, and the driver takes one for the default storage class.
    NoVolumeType,
    /// Magnum can't make a user for a cluster: its trustee domain is incomplete.
    TrusteeDomain,
    /// Nova's server of the management cluster is missing or not ACTIVE.
    VmNotActive,
    /// The management cluster's API server does not answer.
    ApiUnreachable,
    /// The API server answers that some of its own checks fail.
    ApiUnwell,
    /// The API server's certificate has expired.
    CertificateExpired,
    /// The API server's certificate does not verify with the kubeconfig's CA, or is for another
    /// name.
    CertificateUntrusted,
    /// A unit of the conductor, or whoever knows the units, can't be reached.
    UnitUnreachable,
    /// A unit does not reach the management cluster's API server.
    ManagementUnreachable,
    /// The kubeconfig on a unit is missing, can't be read by the daemon's user, or is not valid.
    KubeconfigUnusable,
    /// The client certificate or token in the kubeconfig has expired.
    KubeconfigExpired,
    /// A credential is not known where it is presented: the driver's to the API server, or a
    /// cluster's to Keystone.
    CredentialRefused,
    /// The kubeconfig's user may not do what the driver or helm needs.
    RightsMissing,
    /// The conductor's interpreter lacks the driver or its entry point.
    DriverMissing,
    /// The conductor finds no helm, or one that does not run.
    Helm,
    /// The options of the drop-in are not in effect: it is missing, not read, not valid or not
    /// loaded yet.
    DropIn,
    /// The driver can't use the option `api_resources`.
    ApiResources,
    /// The conductor's daemon does not run.
    ServiceDown,
    /// The driver or the chart uses an API version that the management cluster does not serve.
    VersionUnserved,
    /// A provider's kind lacks the contract label that Cluster API's core looks for.
    ContractLabelMissing,
    /// A controller has no available pod, or no leader that renews its lease.
    ControllerDown,
    /// A webhook is not served: writes, or reads at another version, are refused.
    WebhookDown,
    /// Somebody told Cluster API to leave the cluster alone.
    Paused,
    /// Helm's last install or upgrade of the cluster failed.
    ReleaseFailed,
    /// Helm was interrupted, and refuses every further upgrade.
    ReleasePending,
    /// The cluster's objects are gone from the management cluster.
    ClusterMissing,
    /// A template names a network driver that the chart has nothing for.
    TemplateNetworkDriver,
    /// The cluster's application credential lacks a role.
    RoleMissing,
    /// The cluster needs more than the quota of its project.
    QuotaExhausted,
    /// A load balancer of the cluster is in error.
    LoadBalancerError,
    /// The cluster has no load balancer, and should have one by now.
    LoadBalancerMissing,
    /// The infrastructure provider reports a failure.
    InfrastructureFailed,
    /// The infrastructure provider reports no failure and makes no progress.
    InfrastructureStalled,
    /// The workload cluster's API server does not answer.
    WorkloadUnreachable,
    /// A node is there and not Ready.
    NodeNotReady,
    /// The network plugin does not run on every node.
    Cni,
    /// The cloud controller manager does not run, or does not stay up.
    CloudController,
    /// Volumes can't be had.
    Csi,
    /// Names are not resolved.
    Dns,
    /// A pod does not start.
    PodStuck,
    /// The control plane's machines are missing or unhealthy.
    ControlPlane,
    /// The machines of a node group are missing or unhealthy.
    Workers,
    /// An addon of the cluster could not be installed.
    AddonFailed,
    /// A delete takes too long.
    DeletingStuck,
    /// The driver takes a good condition for a bad one.
    PolarityMisread,
    /// Magnum's last operation on the cluster failed.
    CreateFailed,
    /// Magnum's record of the cluster is out of date.
    StaleStatus,
    /// What is seen has no known cause, or could not be asked.
    Unclear,
}

impl Cause {
    /// Returns the place of this cause at `layer` in the order in which things are fixed. Where two
    /// layers share a cause, the layer decides.
    pub(super) fn depth(self, layer: Layer) -> (Self, Layer) {
        let cause = match (layer, self) {
            // The cluster's own credential: only what the cluster makes depends on it.
            (Layer::ClusterCredential, Self::CredentialRefused) => Self::RoleMissing,
            (_, cause) => cause,
        };
        (cause, layer)
    }
}

impl fmt::Display for Cause {
    /// Writes the stored name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
