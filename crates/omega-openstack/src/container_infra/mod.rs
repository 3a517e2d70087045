//! Magnum.

mod client;
mod cluster_health;
mod cluster_list;
mod magnum_answers;
mod proof;
mod prove_cluster;
mod prove_template;
mod wire;

pub use client::ContainerInfra;
pub use cluster_health::ClusterHealth;
pub use cluster_list::ClusterList;
pub use magnum_answers::MagnumAnswers;
pub use proof::{NetworkDriver, ProofError, ProofOptions, ProofStep, TemplateSpec, Watch};
pub use prove_cluster::{ClusterProof, ClusterSpec, ProofTemplate, prove_cluster};
pub use prove_template::{TemplateProof, prove_template};
pub use wire::{Cluster, NodeGroup, Template};

#[cfg(test)]
mod tests;
