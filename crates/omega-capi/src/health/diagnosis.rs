use omega_core::{Evidence, Finding, Severity};
use serde::{Deserialize, Serialize};

/// What can be wrong with a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCause {
    /// Nothing is wrong.
    Healthy,
    /// The management API does not answer, or answers with errors: Magnum's record is outdated.
    ManagementUnreachable,
    /// A credential is refused: the driver's by the management API, or the cluster's by Keystone.
    CredentialRefused,
    /// The driver reads a version that is not served, and treats the 404 as absence. Only cosmetic
    /// unless it is the Cluster's.
    UnservedVersion,
    /// The driver misreads a healthy object: a condition whose healthy status is `False`, or a field
    /// that this version does not have.
    PolarityMisread,
    /// An object of the cluster does not exist.
    Missing,
    /// A load balancer is in error or missing.
    LoadBalancer,
    /// The network, router, ports or servers.
    Infrastructure,
    /// The control plane's machines, etcd or pods.
    ControlPlane,
    /// The machines of a node group.
    Workers,
    /// The cluster is paused in Cluster API.
    Paused,
    /// Machines are being created, replaced or removed.
    RollingOut,
    /// It is being deleted.
    Deleting,
    /// Magnum has not polled it yet.
    NeverPolled,
    /// Magnum's record differs from what the driver would report now.
    Outdated,
    /// The evidence is not sufficient.
    Unclear,
}

/// Where to fix it, from the bottom up: lower layers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The management cluster's API server, and the network to it.
    ManagementApi,
    /// The kubeconfig that the driver uses.
    DriverCredential,
    /// Cluster API's controllers and webhooks.
    Controllers,
    /// The cluster's objects. The conditions of a paused cluster are outdated.
    Objects,
    /// The cluster's own application credential.
    ClusterCredential,
    /// Octavia.
    LoadBalancer,
    /// Neutron and Nova.
    Infrastructure,
    /// The control plane's machines.
    ControlPlane,
    /// The node groups' machines.
    Workers,
    /// The release and the options of the driver.
    Driver,
    /// Magnum's record.
    Magnum,
}

/// One cause with its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What is wrong.
    pub cause: HealthCause,
    /// Where to fix it.
    pub layer: Layer,
    /// One finding for each fact that shows it; at least one. They differ in summary and evidence.
    pub findings: Vec<Finding>,
}

impl HealthCause {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Healthy,
        Self::ManagementUnreachable,
        Self::CredentialRefused,
        Self::UnservedVersion,
        Self::PolarityMisread,
        Self::Missing,
        Self::LoadBalancer,
        Self::Infrastructure,
        Self::ControlPlane,
        Self::Workers,
        Self::Paused,
        Self::RollingOut,
        Self::Deleting,
        Self::NeverPolled,
        Self::Outdated,
        Self::Unclear,
    ];

    /// Returns the decisions that it checks.
    pub fn decisions(self) -> &'static [&'static str] {
        match self {
            Self::UnservedVersion => &["D-042", "D-028"],
            Self::Healthy | Self::PolarityMisread => &["D-042"],
            Self::ManagementUnreachable | Self::NeverPolled | Self::Outdated => {
                &["D-042-amendment"]
            }
            Self::CredentialRefused => &["D-039"],
            Self::Missing
            | Self::LoadBalancer
            | Self::Infrastructure
            | Self::ControlPlane
            | Self::Workers
            | Self::Paused
            | Self::RollingOut
            | Self::Deleting
            | Self::Unclear => &[],
        }
    }

    /// Returns whether somebody must fix something.
    pub fn is_fault(self) -> bool {
        self.severity() == Severity::Broken
    }

    /// Returns what to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::Healthy => "nothing",
            Self::ManagementUnreachable => {
                "start the management cluster or fix the network to it; until then Magnum's \
                 record is outdated"
            }
            Self::CredentialRefused => "create a new credential first",
            Self::UnservedVersion => {
                "pin magnum-capi-helm 1.4.0 without api_resources, and run releases that serve \
                 v1beta1: Cluster API below v1.16, and the provider that the chart names"
            }
            Self::PolarityMisread => {
                "remove api_resources, and restart magnum-api and magnum-conductor"
            }
            Self::Missing => "check the helm release of the cluster, which creates the object",
            Self::LoadBalancer => {
                "check the load balancer in Octavia first: openstack loadbalancer show"
            }
            Self::Infrastructure => "do what the message says: quota, roles, ports, images",
            Self::ControlPlane => "check the Machines of the control plane",
            Self::Workers => "check the Machines of the node group",
            Self::Paused => {
                "find out who paused it and why; then set spec.paused to false and remove the \
                 annotation"
            }
            Self::RollingOut => "wait",
            Self::Deleting => "wait; if it does not end, find out why the finalizers stay",
            Self::NeverPolled => {
                "wait for Magnum's next poll, a minute after the cluster is complete"
            }
            Self::Outdated => {
                "wait a minute; if it stays, look for `Skip pulling data` in magnum-conductor's log"
            }
            Self::Unclear => "collect the missing data, and classify again",
        }
    }

    /// Returns the name of its rule.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Healthy => "health-healthy",
            Self::ManagementUnreachable => "health-management-unreachable",
            Self::CredentialRefused => "health-credential-refused",
            Self::UnservedVersion => "health-unserved-version",
            Self::PolarityMisread => "health-polarity-misread",
            Self::Missing => "health-missing",
            Self::LoadBalancer => "health-load-balancer",
            Self::Infrastructure => "health-infrastructure",
            Self::ControlPlane => "health-control-plane",
            Self::Workers => "health-workers",
            Self::Paused => "health-paused",
            Self::RollingOut => "health-rolling-out",
            Self::Deleting => "health-deleting",
            Self::NeverPolled => "health-never-polled",
            Self::Outdated => "health-outdated",
            Self::Unclear => "health-unclear",
        }
    }

    /// Returns the severity of its findings.
    pub fn severity(self) -> Severity {
        match self {
            Self::Healthy => Severity::Note,
            Self::RollingOut | Self::Deleting | Self::NeverPolled | Self::Outdated => {
                Severity::Waiting
            }
            Self::Unclear => Severity::Unknown,
            Self::ManagementUnreachable
            | Self::CredentialRefused
            | Self::UnservedVersion
            | Self::PolarityMisread
            | Self::Missing
            | Self::LoadBalancer
            | Self::Infrastructure
            | Self::ControlPlane
            | Self::Workers
            | Self::Paused => Severity::Broken,
        }
    }
}

impl Diagnosis {
    /// Returns the evidence of all its findings.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.findings.iter().flat_map(|one| &one.evidence)
    }
}

/// Returns what to fix first.
pub fn fix_first(diagnoses: &[Diagnosis]) -> Option<&Diagnosis> {
    diagnoses.iter().filter(|one| one.cause.is_fault()).min_by_key(|one| one.layer)
}
