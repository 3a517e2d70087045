//! What can be the matter with a cluster, and where to fix it.

use omega_core::{Evidence, Finding, Severity, Subject};
use serde::{Deserialize, Serialize};

/// What is the matter, of all that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCause {
    /// Nothing.
    Healthy,
    /// The management API does not answer, or with errors: Magnum's record is stale, whatever it
    /// says.
    ManagementUnreachable,
    /// A credential is refused: the driver's by the management API, or the cluster's by Keystone.
    CredentialRefused,
    /// The driver reads a version that is not served, and takes the 404 for absence. Cosmetic as
    /// long as it is not the Cluster's.
    UnservedVersion,
    /// The driver takes a good answer for a bad one: a condition whose good status is `False`, or
    /// a field that the version does not have.
    PolarityMisread,
    /// An object of the cluster is not there.
    Missing,
    /// A load balancer is in error, or there is none.
    LoadBalancer,
    /// The network, router, ports or servers.
    Infrastructure,
    /// The control plane's machines, etcd or its pods.
    ControlPlane,
    /// The machines of a node group.
    Workers,
    /// Cluster API was told to leave the cluster alone.
    Paused,
    /// Machines are being made, replaced or removed.
    RollingOut,
    /// It is being deleted.
    Deleting,
    /// Magnum has not polled it yet.
    NeverPolled,
    /// Magnum's record is not what the driver would say now.
    Outdated,
    /// The evidence does not tell.
    Unclear,
}

/// Where it is fixed, from the bottom up: what is below must be fixed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The management cluster's API server, and the way to it.
    ManagementApi,
    /// The kubeconfig that the driver uses.
    DriverCredential,
    /// Cluster API's controllers and webhooks.
    Controllers,
    /// The cluster's objects. While it is paused its conditions are as old as the pause.
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
    /// The driver: its release and its options. Nothing below depends on it.
    Driver,
    /// Magnum's record.
    Magnum,
}

/// One cause, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What is the matter.
    pub cause: HealthCause,
    /// Where.
    pub layer: Layer,
    /// What shows it, one fact each.
    pub evidence: Vec<String>,
}

impl HealthCause {
    /// Returns whether somebody must fix something. Of the others, some pass by themselves.
    pub fn is_fault(self) -> bool {
        match self {
            Self::ManagementUnreachable
            | Self::CredentialRefused
            | Self::UnservedVersion
            | Self::PolarityMisread
            | Self::Missing
            | Self::LoadBalancer
            | Self::Infrastructure
            | Self::ControlPlane
            | Self::Workers
            | Self::Paused => true,
            Self::Healthy
            | Self::RollingOut
            | Self::Deleting
            | Self::NeverPolled
            | Self::Outdated
            | Self::Unclear => false,
        }
    }

    /// Returns what to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::Healthy => "nothing",
            Self::ManagementUnreachable => {
                "start the management cluster's machine or fix the way to it; Magnum's record \
                 says nothing until then"
            }
            Self::CredentialRefused => "make a new credential before anything else is tried",
            Self::UnservedVersion => {
                "pin magnum-capi-helm 1.4.0 without api_resources, and have v1beta1 served: \
                 Cluster API below v1.16, and the provider that the chart names"
            }
            Self::PolarityMisread => {
                "leave api_resources out, and restart magnum-api and magnum-conductor"
            }
            Self::Missing => "look at the helm release of the cluster, which made the object",
            Self::LoadBalancer => {
                "look at the load balancer in Octavia first: openstack loadbalancer show"
            }
            Self::Infrastructure => "do what the message says: quota, roles, ports, images",
            Self::ControlPlane => "look at the control plane's Machines",
            Self::Workers => "look at the node group's Machines",
            Self::Paused => {
                "find out who paused it and why; then set spec.paused to false and drop the annotation"
            }
            Self::RollingOut => "wait",
            Self::Deleting => "wait; if it does not end, look at what holds the finalizers",
            Self::NeverPolled => {
                "wait for Magnum's next poll, a minute after the cluster is complete"
            }
            Self::Outdated => {
                "wait a minute; if it stays, look for `Skip pulling data` in magnum-conductor's log"
            }
            Self::Unclear => "gather what is missing, and classify again",
        }
    }
}

impl HealthCause {
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

    /// Returns how much it matters.
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
    /// Returns it as a finding about `subject`: its first fact, and the others as evidence.
    pub fn finding(&self, subject: Subject) -> Finding {
        let Self { cause, layer: _, evidence } = self;
        let (first, others) = match evidence.split_first() {
            Some((first, others)) => (first.as_str(), others),
            None => (cause.rule(), [].as_slice()),
        };
        Finding::broken(cause.rule(), subject, first)
            .severity(cause.severity())
            .shown_by(others.iter().map(Evidence::sentence))
            .remedy(cause.next())
            .source(
                "cluster-api 1.13.2, api/core/v1beta2; magnum-capi-helm, common/capi_monitor.py",
            )
    }
}

/// Returns what to fix first.
pub fn fix_first(diagnoses: &[Diagnosis]) -> Option<&Diagnosis> {
    diagnoses.iter().filter(|one| one.cause.is_fault()).min_by_key(|one| one.layer)
}
