//! What a custom resource definition says of its versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One kind, with all of its versions, served or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// `infrastructure.cluster.x-k8s.io`.
    pub group: String,
    /// `openstackclusters`.
    pub plural: String,
    /// `OpenStackCluster`.
    pub kind: String,
    /// Newest first.
    pub versions: Vec<DefinedVersion>,
    /// Which of its versions implement which contract of Cluster API, from the labels
    /// `cluster.x-k8s.io/<contract>: <version>_<version>`
    /// (cluster-api 1.13.2, `docs/book/src/developer/providers/contracts/infra-cluster.md:139`).
    pub contracts: BTreeMap<String, Vec<String>>,
}

/// One version of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinedVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether the API server is to serve it.
    pub served: bool,
    /// Whether objects are stored as it.
    pub storage: bool,
    /// Whether its use is answered with a warning.
    pub deprecated: bool,
    /// The words of the warning, where they are not the API server's own.
    pub warning: Option<String>,
}

impl Definition {
    /// Returns the definition's name: `openstackclusters.infrastructure.cluster.x-k8s.io`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}
