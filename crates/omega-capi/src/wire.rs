//! Discovery documents and definitions of a Kubernetes API server, as they are sent.
//!
//! Fields that nothing here reads are left out, and unknown ones are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `GET /apis`: either list, told apart by `kind`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Groups {
    /// Groups, versions and kinds (Kubernetes 1.26 and later).
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated { items: Vec<GroupDiscovery> },
    /// Groups and versions only.
    #[serde(rename = "APIGroupList")]
    Plain { groups: Vec<Group> },
}

#[derive(Debug, Deserialize)]
pub(crate) struct GroupDiscovery {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) versions: Vec<VersionDiscovery>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct VersionDiscovery {
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) resources: Vec<ResourceDiscovery>,
    /// `Current`, or `Stale` when the server could not ask who serves it.
    pub(crate) freshness: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceDiscovery {
    pub(crate) resource: String,
    pub(crate) response_kind: Option<ResponseKind>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResponseKind {
    pub(crate) kind: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
}

/// `GET /apis/<group>/<version>`.
#[derive(Debug, Deserialize)]
pub(crate) struct Resources {
    pub(crate) resources: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    /// With a slash in it, a part of another (`clusters/status`).
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A custom resource definition, as far as it says what is served.
#[derive(Debug, Deserialize)]
pub(crate) struct Crd {
    pub(crate) metadata: CrdMetadata,
    pub(crate) spec: CrdSpec,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CrdMetadata {
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CrdSpec {
    pub(crate) group: String,
    pub(crate) names: CrdNames,
    pub(crate) versions: Vec<CrdVersion>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CrdNames {
    pub(crate) kind: String,
    pub(crate) plural: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CrdVersion {
    pub(crate) name: String,
    pub(crate) served: bool,
    pub(crate) storage: bool,
    #[serde(default)]
    pub(crate) deprecated: bool,
    pub(crate) deprecation_warning: Option<String>,
}
