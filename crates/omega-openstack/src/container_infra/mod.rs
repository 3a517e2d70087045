//! Magnum.

mod client;
mod cluster_health;
mod cluster_list;
mod create_cluster;
mod create_template;
mod delete_cluster;
mod delete_template;
mod magnum_responds;
mod prove_cluster;
mod prove_template;
mod template_spec;
mod wait_for_cluster;
mod wire;

pub use client::ContainerInfra;
pub use cluster_health::ClusterHealth;
pub use cluster_list::ClusterList;
pub use create_cluster::{ClusterCreation, ClusterObserved, CreateCluster};
pub use create_template::{CreateTemplate, TemplateCreation, TemplateObserved};
pub use delete_cluster::{ClusterDeletion, DeleteCluster};
pub use delete_template::{DeleteTemplate, TemplateDeletion};
pub use magnum_responds::MagnumResponds;
pub use prove_cluster::{
    ClusterProof, ClusterSpec, ProofOptions, ProofTemplate, prove_cluster, temporary_name,
};
pub use prove_template::{TemplateProof, prove_template};
pub use template_spec::{NetworkDriver, TemplateSpec};
pub use wire::{Cluster, NodeGroup, Template};

#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod tests;
