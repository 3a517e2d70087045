//! Workload clusters: their kubeconfigs.
//!
//! [`fetch_cluster_kubeconfig`] writes a cluster's kubeconfig to a file of this machine.

mod kubeconfig;
mod kubeconfig_error;
mod kubeconfig_file;
mod kubeconfig_removal;
mod kubeconfig_source;

pub use kubeconfig::{
    ClusterKubeconfig, ClusterKubeconfigObserved, KubeconfigWrite, WriteReason,
    fetch_cluster_kubeconfig,
};
pub use kubeconfig_error::FetchError;
pub use kubeconfig_file::{ClusterFile, OwnFile};
pub use kubeconfig_removal::{KubeconfigRemoval, RemovedClusterKubeconfig};
pub use kubeconfig_source::{ClusterAccess, ClusterFound, KubeconfigSource};

#[cfg(test)]
mod kubeconfig_tests;
