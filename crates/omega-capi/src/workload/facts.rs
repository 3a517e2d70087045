//! What a workload cluster reports about itself.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::Error;

/// The objects of a list, or why it could not be read.
pub type ListResult<T> = Result<Vec<T>, Error>;

/// What was read from a workload cluster: lists of all namespaces. Each can fail on its own.
///
/// Times are by the clocks of the machines that wrote them; `None` if missing or not a time.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are named after their lists")]
pub struct WorkloadFacts {
    pub nodes: ListResult<Node>,
    /// Those that have not ended.
    pub pods: ListResult<Pod>,
    /// Those that ended with a failure.
    pub failed_pods: Vec<Pod>,
    pub daemon_sets: ListResult<PodController>,
    pub deployments: ListResult<PodController>,
    pub storage_classes: ListResult<StorageClass>,
    /// Persistent volume claims.
    pub claims: ListResult<Claim>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Node {
    pub name: String,
    /// Its kubelet's version (`v1.34.8`); `None` if it never reported.
    pub version: Option<String>,
    /// Whether it has the control plane's label.
    pub control_plane: bool,
    /// The condition Ready.
    pub ready: Option<Condition>,
    /// Why it takes no pods although it is Ready: its network, or a resource that runs out.
    pub impaired: Vec<Impairment>,
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    pub created: Option<Timestamp>,
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Taint {
    pub key: String,
    /// Its `timeAdded`, which few of those who set taints write.
    pub since: Option<Timestamp>,
}

/// A condition of a node that should be False, and is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the other fields are those of the object")]
pub struct Impairment {
    /// `NetworkUnavailable`, `DiskPressure`, `MemoryPressure`, `PIDPressure`.
    pub kind: String,
    pub reason: String,
    pub message: String,
    /// Its `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// A condition of a node or a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Condition {
    /// `True`, `False`, `Unknown`, or any other value.
    pub status: String,
    pub reason: String,
    pub message: String,
    /// Its `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`; empty without a status.
    pub phase: String,
    /// Init containers first.
    pub containers: Vec<Container>,
    /// The condition `PodScheduled`, unless it is True.
    pub unscheduled: Option<Condition>,
    /// The names of the persistent volume claims that it mounts.
    pub claims: Vec<String>,
    /// The scheduling gates that hold it back: somebody removes them when it may start.
    pub gates: Vec<String>,
    /// The node that it is on; empty if it has none yet.
    pub node: String,
    pub created: Option<Timestamp>,
    /// Its `deletionTimestamp`: when its grace period ends.
    pub deleted: Option<Timestamp>,
    /// How long it may take to end.
    pub grace: Duration,
    /// The kind of the controller that made it (`Job`, `ReplicaSet`; `Node` for a static pod); empty if none
    /// did.
    pub controller: String,
    /// Why it is in its phase, if the kubelet or the node controller said it (`Evicted`).
    pub reason: String,
}

/// The status of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Container {
    pub name: String,
    pub ready: bool,
    pub restarts: i64,
    /// Why it does not run, if it is waiting.
    pub waiting: Option<Waiting>,
    /// How it last ended.
    pub last: Option<Ended>,
}

/// Why a container is waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Waiting {
    /// `CrashLoopBackOff`.
    pub reason: String,
    pub message: String,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Ended {
    /// The exit code.
    pub code: i64,
    /// `Error`, `OOMKilled`.
    pub reason: String,
    pub at: Option<Timestamp>,
}

/// The kind of a [`PodController`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of the kind")]
pub enum PodControllerKind {
    DaemonSet,
    Deployment,
}

/// A daemon set or a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct PodController {
    pub kind: PodControllerKind,
    pub namespace: String,
    pub name: String,
    pub images: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The kinds of its owners (`Installation`).
    pub owners: Vec<String>,
    /// The labels of its pods.
    pub selector: BTreeMap<String, String>,
    /// How many pods there should be.
    pub wanted: i64,
    /// How many pods are ready.
    pub ready: i64,
    /// Whether its status is up to date with its spec.
    pub observed: bool,
}

/// A storage class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct StorageClass {
    pub name: String,
    pub provisioner: String,
    /// Whether it is the default for claims without a class.
    pub default: bool,
    /// Whether a volume is only created for a pod that mounts it (`WaitForFirstConsumer`).
    pub waits: bool,
}

/// A persistent volume claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct Claim {
    pub namespace: String,
    pub name: String,
    /// `Pending`, `Bound`, `Lost`.
    pub phase: String,
    /// The storage class.
    pub class: Option<String>,
    pub created: Option<Timestamp>,
}
