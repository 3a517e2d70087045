//! One thing that is found, where, and how far down.

use serde::{Deserialize, Serialize};

/// Where something is found, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Keystone, its catalog, and the services in it.
    Cloud,
    /// The machine of the management cluster.
    Vm,
    /// The management cluster's API server.
    KubeApi,
    /// The kubeconfig on the unit, and what it may do.
    DriverCredential,
    /// The conductor's daemon, driver, helm and options.
    Conductor,
    /// Cluster API's controllers, kinds and webhooks.
    Controllers,
    /// A cluster's application credential.
    ClusterCredential,
    /// What a cluster's project may still make.
    Quota,
    /// A cluster's load balancer.
    LoadBalancer,
    /// A cluster's objects.
    ClusterApi,
    /// A cluster's helm release.
    HelmRelease,
    /// The workload cluster itself.
    Workload,
    /// Magnum's templates and what it has on record.
    Magnum,
}

/// What is the matter. The names are an interface: never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    IdentityUnreachable,
    CredentialsRefused,
    EndpointMissing,
    ServiceUnreachable,
    NoVolumeType,
    TrusteeDomain,
    VmNotActive,
    ApiUnreachable,
    ApiUnwell,
    CertificateExpired,
    CertificateUntrusted,
    UnitUnreachable,
    ManagementUnreachable,
    KubeconfigUnusable,
    KubeconfigExpired,
    CredentialRefused,
    RightsMissing,
    DriverMissing,
    Helm,
    DropIn,
    ApiResources,
    ServiceDown,
    VersionUnserved,
    ContractLabelMissing,
    ControllerDown,
    WebhookDown,
    Paused,
    ReleaseFailed,
    ReleasePending,
    ClusterMissing,
    TemplateNetworkDriver,
    RoleMissing,
    QuotaExhausted,
    LoadBalancerError,
    LoadBalancerMissing,
    InfrastructureFailed,
    InfrastructureStalled,
    WorkloadUnreachable,
    NodeNotReady,
    Cni,
    CloudController,
    Csi,
    Dns,
    PodStuck,
    ControlPlane,
    Workers,
    AddonFailed,
    DeletingStuck,
    PolarityMisread,
    CreateFailed,
    StaleStatus,
    /// Something is odd, and what was asked does not tell what.
    Unclear,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It must be mended.
    Broken,
    /// It passes by itself, or should.
    Waiting,
    /// It could not be asked.
    Unknown,
    /// Odd, and no fault.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub layer: Layer,
    /// What.
    pub cause: Cause,
    /// How much it matters.
    pub mark: Mark,
    /// Of what: a unit, a service, an object.
    pub what: String,
    /// Which workload cluster, by its `stack_id`, where it is about one.
    pub cluster: Option<String>,
    /// What shows it, one fact each.
    pub evidence: Vec<String>,
    /// What to do: a command where there is one.
    pub next: String,
}

impl Finding {
    /// Returns something that must be mended.
    pub fn broken(
        layer: Layer,
        cause: Cause,
        what: impl Into<String>,
        evidence: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let (what, next, evidence) = (what.into(), next.into(), vec![evidence.into()]);
        Self { layer, cause, mark: Mark::Broken, what, cluster: None, evidence, next }
    }

    /// Returns the same with another mark.
    pub fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    /// Returns something that could not be asked.
    pub fn unknown(layer: Layer, what: impl Into<String>, why: impl Into<String>) -> Self {
        let next = "mend what is below, or ask with more rights";
        Self::broken(layer, Cause::Unclear, what, why, next).marked(Mark::Unknown)
    }

    /// Returns how far down it is. The causes are listed in the order in which they bring about
    /// each other; where one word serves two layers, the layer decides.
    pub fn depth(&self) -> (Cause, Layer) {
        let cause = match (self.layer, self.cause) {
            // The cluster's own credential, which only what the cluster makes depends on.
            (Layer::ClusterCredential, Cause::CredentialRefused) => Cause::RoleMissing,
            (_, cause) => cause,
        };
        (cause, self.layer)
    }
}
