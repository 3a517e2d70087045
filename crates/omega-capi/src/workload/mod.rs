//! A workload cluster from inside: its nodes, its addons, and what is stuck.
//!
//! [`Workload`] is the client, with the kubeconfig that Cluster API keeps. [`read_workload`] reads
//! everything in six requests. [`judge`], which is pure, answers every [`Question`] from that and
//! from what is [`Wanted`] ([`wanted_nodes`]). [`WorkloadGates`] are the questions as gates.

mod addons;
mod choose_cluster;
mod connect;
mod facts;
mod gates;
mod judge;
mod managed;
mod nodes;
mod parse;
mod pods;
mod question;
mod read_workload;
mod stuck;
mod wanted;

pub(crate) use choose_cluster::at;
pub use choose_cluster::{ClusterName, NoSuchCluster, choose_cluster, list_clusters};
pub use connect::{Workload, WorkloadError, stored_kubeconfig};
pub use facts::{
    Claim, Condition, Container, Ended, Impairment, ListResult, Node, Pod, PodController,
    PodControllerKind, StorageClass, Taint, Waiting, WorkloadFacts,
};
pub use gates::{WorkloadGate, WorkloadGates};
pub use judge::{PATIENCE, judge};
pub use managed::ManagedWorkload;
pub use nodes::{Absent, only_absent};
pub use question::Question;
pub use read_workload::read_workload;
pub use wanted::{Changing, NodesWanted, Wanted, wanted_nodes};
