//! What can be wrong.

use std::fmt;

use omega_core::CheckRule;
use omega_openstack::identity::TrusteeDomain;
use serde::{Deserialize, Serialize};

use super::Layer;

/// What is wrong: the rule of a finding, as a type. Scripts depend on the names: never rename them.
///
/// Earlier causes lead to later ones, so the first one is fixed first. The order is mostly that of
/// the layers. But what somebody did on purpose and what helm did (a paused cluster, a failed
/// release, a template without a network plugin) comes before the problems of the infrastructure
/// that result from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Cause {
    /// Keystone does not answer, or another server answers at its address.
    IdentityUnreachable,
    /// Keystone refuses the operator's user or password.
    CredentialsRefused,
    /// The catalog has no endpoint for a service that creating a cluster needs.
    EndpointMissing,
    /// A service does not answer at its endpoint.
    ServiceUnreachable,
    /// Cinder has no visible volume type, and the driver needs one for the default storage class.
    NoVolumeType,
    /// Magnum can't create a user for a cluster: its trustee domain is incomplete.
    TrusteeDomain,
    /// Nova's server of the management cluster is missing or not ACTIVE.
    VmNotActive,
    /// The management cluster's API server does not answer.
    ApiUnreachable,
    /// The API server reports that some of its own checks fail.
    ApiUnwell,
    /// The API server's certificate has expired.
    CertificateExpired,
    /// The API server's certificate can't be verified with the kubeconfig's CA, or is for another
    /// name.
    CertificateUntrusted,
    /// A unit of the conductor can't be reached, or the units can't be listed.
    UnitUnreachable,
    /// A unit's clock differs from this machine's, so that it takes a valid certificate for one that is
    /// not.
    ClockWrong,
    /// A unit reaches the management cluster's API server, and TLS fails for another reason than its
    /// certificate.
    TlsFailed,
    /// A unit does not reach the management cluster's API server.
    ManagementUnreachable,
    /// A credential is rejected: the driver's by the API server, or a cluster's by Keystone. Before what is wrong
    /// with the file on a unit: to place a refused credential there helps nobody.
    CredentialRefused,
    /// The kubeconfig on a unit is missing, can't be read by the daemon's user, or is not valid.
    KubeconfigUnusable,
    /// The client certificate or token in the kubeconfig has expired.
    KubeconfigExpired,
    /// The kubeconfig's user lacks a right that the driver or helm needs.
    RightsMissing,
    /// The conductor's interpreter lacks the driver or its entry point.
    DriverMissing,
    /// The driver, or another one that Magnum loads with it, can't be imported.
    DriverNotImportable,
    /// Magnum's configuration disables the driver.
    DriverDisabled,
    /// There is another driver for the same clusters, or the driver is installed more than once.
    DriverConflict,
    /// The conductor does not find helm, or can't run it.
    Helm,
    /// The options of the drop-in are not in effect: it is missing, not read, invalid or not loaded
    /// yet.
    DropIn,
    /// The driver can't use the option `api_resources`.
    ApiResources,
    /// A file that is read after the drop-in sets one of its options otherwise.
    OptionOverridden,
    /// The conductor's daemon is not running.
    ServiceDown,
    /// The conductor's daemon is started again and again.
    ServiceRestarting,
    /// Juju reports that the unit's charm is blocked, or that a hook failed.
    CharmStatus,
    /// The driver or the chart uses an API version that the management cluster does not serve.
    VersionUnserved,
    /// A provider's kind lacks the contract label that Cluster API's core looks for.
    ContractLabelMissing,
    /// A controller has no available pod, or no leader that renews its lease.
    ControllerDown,
    /// A node of the management cluster is not Ready.
    ManagementNode,
    /// A helm release that the management cluster should have is missing, or is not deployed.
    ManagementRelease,
    /// A webhook is not served: writes, or reads of another version, are refused.
    WebhookDown,
    /// The cluster is paused in Cluster API.
    Paused,
    /// Helm's last install or upgrade of the cluster failed.
    ReleaseFailed,
    /// Helm was interrupted, and refuses further upgrades.
    ReleasePending,
    /// The cluster's objects are missing in the management cluster.
    ClusterMissing,
    /// A template names a network driver that the chart does not support.
    TemplateNetworkDriver,
    /// The cluster's application credential lacks a role.
    RoleMissing,
    /// The cluster needs more than its project's quota.
    QuotaExhausted,
    /// A load balancer of the cluster is in error.
    LoadBalancerError,
    /// The cluster has no load balancer although it should have one by now.
    LoadBalancerMissing,
    /// The infrastructure provider reports a failure.
    InfrastructureFailed,
    /// The infrastructure provider reports no failure and makes no progress.
    InfrastructureStalled,
    /// The workload cluster's API server does not answer.
    WorkloadUnreachable,
    /// A node is not Ready.
    NodeNotReady,
    /// The network plugin does not run on every node.
    Cni,
    /// The cloud controller manager does not run, or keeps restarting.
    CloudController,
    /// Volumes can't be provided.
    Csi,
    /// DNS does not work.
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
    /// The driver misreads a good condition as a bad one.
    PolarityMisread,
    /// Magnum's last operation on the cluster failed.
    CreateFailed,
    /// Magnum's record of the cluster is out of date.
    StaleStatus,
    /// The symptom has no known cause, or the check could not be made.
    Unclear,
}

impl Cause {
    /// All of them, in the order of fixing.
    pub const ALL: [Self; 62] = [
        Self::IdentityUnreachable,
        Self::CredentialsRefused,
        Self::EndpointMissing,
        Self::ServiceUnreachable,
        Self::NoVolumeType,
        Self::TrusteeDomain,
        Self::VmNotActive,
        Self::ApiUnreachable,
        Self::ApiUnwell,
        Self::CertificateExpired,
        Self::CertificateUntrusted,
        Self::UnitUnreachable,
        Self::ClockWrong,
        Self::TlsFailed,
        Self::ManagementUnreachable,
        Self::CredentialRefused,
        Self::KubeconfigUnusable,
        Self::KubeconfigExpired,
        Self::RightsMissing,
        Self::DriverMissing,
        Self::DriverNotImportable,
        Self::DriverDisabled,
        Self::DriverConflict,
        Self::Helm,
        Self::DropIn,
        Self::ApiResources,
        Self::OptionOverridden,
        Self::ServiceDown,
        Self::ServiceRestarting,
        Self::CharmStatus,
        Self::VersionUnserved,
        Self::ContractLabelMissing,
        Self::ControllerDown,
        Self::ManagementNode,
        Self::ManagementRelease,
        Self::WebhookDown,
        Self::Paused,
        Self::ReleaseFailed,
        Self::ReleasePending,
        Self::ClusterMissing,
        Self::TemplateNetworkDriver,
        Self::RoleMissing,
        Self::QuotaExhausted,
        Self::LoadBalancerError,
        Self::LoadBalancerMissing,
        Self::InfrastructureFailed,
        Self::InfrastructureStalled,
        Self::WorkloadUnreachable,
        Self::NodeNotReady,
        Self::Cni,
        Self::CloudController,
        Self::Csi,
        Self::Dns,
        Self::PodStuck,
        Self::ControlPlane,
        Self::Workers,
        Self::AddonFailed,
        Self::DeletingStuck,
        Self::PolarityMisread,
        Self::CreateFailed,
        Self::StaleStatus,
        Self::Unclear,
    ];

    /// Returns the decisions that it checks.
    pub fn decisions(self) -> &'static [&'static str] {
        match self {
            Self::ServiceUnreachable => &["D-003"],
            Self::TrusteeDomain
            | Self::DriverMissing
            | Self::DriverDisabled
            | Self::DriverConflict => &["D-007"],
            Self::ApiUnreachable | Self::ManagementUnreachable => &["D-035"],
            Self::VmNotActive => &["D-041"],
            Self::DropIn | Self::OptionOverridden => &["D-037"],
            Self::ApiResources | Self::VersionUnserved | Self::ContractLabelMissing => &["D-042"],
            Self::Helm | Self::TemplateNetworkDriver | Self::Cni => &["D-031"],
            Self::ManagementRelease => &["D-034"],
            Self::RoleMissing => &["D-039"],
            Self::PolarityMisread | Self::StaleStatus => &["D-042-amendment"],
            Self::IdentityUnreachable
            | Self::CredentialsRefused
            | Self::EndpointMissing
            | Self::NoVolumeType
            | Self::ApiUnwell
            | Self::CertificateExpired
            | Self::CertificateUntrusted
            | Self::UnitUnreachable
            | Self::ClockWrong
            | Self::TlsFailed
            | Self::KubeconfigUnusable
            | Self::KubeconfigExpired
            | Self::CredentialRefused
            | Self::RightsMissing
            | Self::DriverNotImportable
            | Self::ServiceDown
            | Self::ServiceRestarting
            | Self::CharmStatus
            | Self::ControllerDown
            | Self::ManagementNode
            | Self::WebhookDown
            | Self::Paused
            | Self::ReleaseFailed
            | Self::ReleasePending
            | Self::ClusterMissing
            | Self::QuotaExhausted
            | Self::LoadBalancerError
            | Self::LoadBalancerMissing
            | Self::InfrastructureFailed
            | Self::InfrastructureStalled
            | Self::WorkloadUnreachable
            | Self::NodeNotReady
            | Self::CloudController
            | Self::Csi
            | Self::Dns
            | Self::PodStuck
            | Self::ControlPlane
            | Self::Workers
            | Self::AddonFailed
            | Self::DeletingStuck
            | Self::CreateFailed
            | Self::Unclear => &[],
        }
    }

    /// Returns the rule of the gate that finds it, if it is found by a gate under the gate's own name.
    pub(crate) fn gate(self) -> Option<CheckRule> {
        (self == Self::TrusteeDomain).then_some(TrusteeDomain::RULE)
    }

    /// Returns the position of this cause at `layer` in the order of fixing. If two layers share a cause,
    /// the layer decides.
    pub(super) fn depth(self, layer: Layer) -> (Self, Layer) {
        let cause = match (layer, self) {
            // The cluster's own credential: only the resources of the cluster depend on it.
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

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn no_cause_is_left_out() {
        let places = Cause::ALL.map(|cause| cause as usize);
        assert!(places.iter().enumerate().all(|(nth, place)| nth == *place), "{places:?}");
        // The last one of the type: whatever is added comes before it.
        assert_eq!(Cause::ALL.last(), Some(&Cause::Unclear));
    }
}
