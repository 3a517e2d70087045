use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The custom resource definition of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// `infrastructure.cluster.x-k8s.io`.
    pub group: String,
    /// `openstackclusters`.
    pub plural: String,
    /// `OpenStackCluster`.
    pub kind: String,
    /// All versions, served or not, newest first.
    pub versions: Vec<DefinedVersion>,
    /// The versions that implement each contract of Cluster API, from the labels
    /// `cluster.x-k8s.io/<contract>: <version>_<version>`
    /// (cluster-api 1.13.2, `docs/book/src/developer/providers/contracts/infra-cluster.md:139`).
    pub contracts: BTreeMap<String, Vec<String>>,
}

/// One version of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinedVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether the definition says that it is served.
    pub served: bool,
    /// Whether it is the storage version.
    pub storage: bool,
    /// Whether the API server warns about its use.
    pub deprecated: bool,
    /// The text of the warning, if it is not the default.
    pub warning: Option<String>,
}

impl Definition {
    /// Returns the definition's name: `openstackclusters.infrastructure.cluster.x-k8s.io`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}
