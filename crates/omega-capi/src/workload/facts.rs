//! What a workload cluster says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Error;

/// What a list answered: its objects, or why it could not be had.
pub type ListResult<T> = Result<Vec<T>, Error>;

/// What was read of a workload cluster. A list that could not be had says nothing of the others.
///
/// Times are those of the machines that wrote them. One that can't be read is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadFacts {
    /// All nodes.
    pub nodes: ListResult<Node>,
    /// The pods of all namespaces.
    pub pods: ListResult<Pod>,
    /// The daemon sets of all namespaces.
    pub daemon_sets: ListResult<PodController>,
    /// The deployments of all namespaces.
    pub deployments: ListResult<PodController>,
    /// All storage classes.
    pub storage_classes: ListResult<StorageClass>,
    /// The claims on volumes of all namespaces.
    pub claims: ListResult<Claim>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its kubelet's version (`v1.34.8`); `None`: it never reported.
    pub version: Option<String>,
    /// Whether it is labelled as part of the control plane.
    pub control_plane: bool,
    /// Its condition Ready.
    pub ready: Option<Condition>,
    /// The keys of its taints.
    pub taints: Vec<String>,
    /// Whether it takes no new pods.
    pub cordoned: bool,
    /// When it was registered.
    pub created: Option<Timestamp>,
}

/// A condition of a node or a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False`, `Unknown`, or what else is there.
    pub status: String,
    /// One word.
    pub reason: String,
    /// Why, for a person.
    pub message: String,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Where.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`; empty if it has no status.
    pub phase: String,
    /// Its containers, those that prepare it first.
    pub containers: Vec<Container>,
    /// Its condition `PodScheduled`, unless that is True.
    pub unscheduled: Option<Condition>,
    /// The claims that it mounts.
    pub claims: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it should be gone, if it is being deleted.
    pub deleted: Option<Timestamp>,
}

/// A container of a pod, as its kubelet reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Whether it answers its probes.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i64,
    /// What it waits for, if it does not run.
    pub waiting: Option<Waiting>,
    /// How it ended before.
    pub last: Option<Ended>,
}

/// Why a container does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// `CrashLoopBackOff`.
    pub reason: String,
    /// The kubelet's words.
    pub message: String,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: i64,
    /// `Error`, `OOMKilled`.
    pub reason: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// What keeps pods running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodControllerKind {
    /// One on each node that fits.
    DaemonSet,
    /// So many, anywhere.
    Deployment,
}

/// A daemon set or a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodController {
    /// Which of the two.
    pub kind: PodControllerKind,
    /// Where.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The images of its containers.
    pub images: Vec<String>,
    /// The labels of its pods.
    pub selector: BTreeMap<String, String>,
    /// How many pods there should be.
    pub wanted: i64,
    /// How many are ready.
    pub ready: i64,
    /// Whether its status is of its newest change.
    pub observed: bool,
}

/// A class of volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageClass {
    /// Its name.
    pub name: String,
    /// Who makes its volumes.
    pub provisioner: String,
    /// Whether it serves claims that name no class.
    pub default: bool,
    /// Whether a volume is only made once a pod mounts it.
    pub waits: bool,
}

/// A claim on a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Pending`, `Bound`, `Lost`.
    pub phase: String,
    /// Of which class; `None`: of none.
    pub class: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}
