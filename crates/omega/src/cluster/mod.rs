//! Workload clusters: created, deleted, reached.
//!
//! [`ClusterPrerequisites`] are what a create needs. [`ensure_cluster`] creates one and waits until it is complete; [`ensure_cluster_absent`] deletes one if
//! that is safe, and [`cluster_leftovers`] looks for what it left. [`fetch_cluster_kubeconfig`] writes a cluster's kubeconfig to a file of this machine.

mod cluster_error;
mod cluster_site;
mod ensure_cluster;
mod ensure_cluster_absent;
mod jobs;
mod kubeconfig;
mod kubeconfig_error;
mod kubeconfig_file;
mod kubeconfig_removal;
mod kubeconfig_source;
mod kubernetes_supported;
mod leftovers;
mod prerequisites;
mod requested_cluster;
mod template_references;

pub use cluster_error::ClusterError;
pub use cluster_site::{ClusterSite, DriverSettings};
pub use ensure_cluster::{ClusterChange, EnsuredCluster, EnsuredClusterObserved, ensure_cluster};
pub use ensure_cluster_absent::{AbsentCluster, AbsentClusterObserved, ensure_cluster_absent};
pub use jobs::{ENSURE_CLUSTER, ENSURE_CLUSTER_ABSENT, first_broken};
pub use kubeconfig::{
    ClusterKubeconfig, ClusterKubeconfigObserved, KubeconfigWrite, WriteReason,
    fetch_cluster_kubeconfig,
};
pub use kubeconfig_error::FetchError;
pub use kubeconfig_file::{ClusterFile, OwnFile};
pub use kubeconfig_removal::{KubeconfigRemoval, RemovedClusterKubeconfig};
pub use kubeconfig_source::{ClusterAccess, ClusterFound, KubeconfigSource};
pub use kubernetes_supported::KubernetesSupported;
pub use leftovers::{ClusterPlace, cluster_leftovers};
pub(crate) use prerequisites::NOT_LOOKED;
pub use prerequisites::{
    ClusterPrerequisites, PREREQUISITE_RULES, PrerequisiteSettings, check_prerequisites,
};
pub use requested_cluster::RequestedCluster;
pub use template_references::template_references;

#[cfg(test)]
mod cluster_tests;
#[cfg(test)]
pub(crate) mod cluster_world;
#[cfg(test)]
mod kubeconfig_tests;
#[cfg(test)]
mod prerequisites_tests;
