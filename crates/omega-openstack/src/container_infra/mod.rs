//! Magnum.

pub(crate) mod admin_certificate;
mod client;
mod cluster_health;
mod cluster_list;
mod cluster_quota;
mod cluster_shape;
pub(crate) mod cluster_values;
mod clusters_at_rest;
mod create_cluster;
mod create_template;
mod delete_cluster;
mod delete_template;
pub(crate) mod ensure_cluster_template;
mod magnum_responds;
mod prove_cluster;
mod prove_template;
mod restore_template;
mod template_name;
mod template_references;
mod template_spec;
mod template_update;
mod wait_for_cluster;
mod wire;

pub use admin_certificate::{AdminCertificate, IssueError, issue_admin_certificate};
pub use client::{ContainerInfra, OddCluster};
pub use cluster_health::ClusterHealth;
pub use cluster_list::ClusterList;
pub use cluster_quota::ClusterQuota;
pub use cluster_shape::ClusterShape;
pub use cluster_values::{ClusterValues, InvalidClusterName, is_cluster_name};
pub use clusters_at_rest::ClustersAtRest;
pub use create_cluster::{ClusterCreation, ClusterObserved, CreateCluster};
pub use create_template::{CreateTemplate, TemplateCreation, TemplateObserved};
pub use delete_cluster::{ClusterDeletion, DeleteCluster};
pub use delete_template::{DeleteTemplate, TemplateDeletion};
pub use ensure_cluster_template::{
    ClusterTemplate, ClusterTemplateChange, ClusterTemplateObserved, ensure_cluster_template,
};
pub use magnum_responds::MagnumResponds;
pub use prove_cluster::{
    ClusterProof, ClusterSpec, DiagnoseCluster, ProofOptions, ProofTemplate, prove_cluster,
    temporary_name,
};
pub use prove_template::{TemplateProof, prove_template};
pub use restore_template::{RestoreTemplate, RestoredTemplate};
pub use template_name::{InvalidTemplateName, TemplateName};
pub(crate) use template_name::{is_uuid, name_fault};
pub use template_references::Reference;
#[cfg(feature = "schema")]
pub use template_spec::LabelValue;
pub use template_spec::{
    FieldDifference, InvalidNetworkDriver, NetworkDriver, TemplateSpec, deserialize_labels,
};
pub use template_update::TemplateUpdate;
pub use wire::{Cluster, ClusterFields, NodeGroup, Template, TemplateFields};

#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod tests;
