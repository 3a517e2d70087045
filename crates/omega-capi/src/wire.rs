//! Documents of a Kubernetes API server, reduced to the fields that this crate reads.
//!
//! k8s-openapi has types for them, but fills in what is missing: half a document would look whole.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::{Namespace, list::maybe_null};

/// The metadata of any object.
#[derive(Debug, Deserialize)]
pub(crate) struct PartialObject {
    pub(crate) metadata: ObjectMeta,
}

/// A Secret. It has no `Debug`, which would show it.
#[derive(Deserialize)]
pub(crate) struct SecretObject {
    pub(crate) metadata: ObjectMeta,
    pub(crate) data: Option<BTreeMap<String, String>>,
}

/// `GET /apis`: one of two lists, by `kind`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Groups {
    /// Groups, versions and kinds (Kubernetes 1.26 and later).
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated {
        #[serde(deserialize_with = "maybe_null")]
        items: Vec<GroupDiscovery>,
    },
    /// Groups and versions only.
    #[serde(rename = "APIGroupList")]
    Plain {
        #[serde(deserialize_with = "maybe_null")]
        groups: Vec<Group>,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct GroupDiscovery {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) versions: Vec<VersionDiscovery>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct VersionDiscovery {
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) resources: Vec<ResourceDiscovery>,
    /// `Current`, or `Stale` if the server could not reach the group's own server.
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
    #[serde(deserialize_with = "maybe_null")]
    pub(crate) resources: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    /// With a slash it is a subresource (`clusters/status`).
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A custom resource definition.
#[derive(Debug, Deserialize)]
pub(crate) struct Crd {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: CrdSpec,
    #[serde(default)]
    pub(crate) status: CrdStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CrdStatus {
    #[serde(default)]
    pub(crate) stored_versions: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CrdSpec {
    pub(crate) group: String,
    pub(crate) names: CrdNames,
    pub(crate) versions: Vec<CrdVersion>,
    #[serde(default)]
    pub(crate) conversion: CrdConversion,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct CrdConversion {
    /// If `strategy` is `Webhook`.
    pub(crate) webhook: Option<CrdWebhook>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CrdWebhook {
    pub(crate) client_config: Option<WebhookClient>,
}

/// How a webhook is called. Its fields are those of the configuration of any webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookClient {
    /// The URL, if it is outside of the cluster.
    pub url: Option<String>,
    /// The Service.
    pub service: Option<WebhookService>,
    /// The certificate authority, in PEM as base64.
    pub ca_bundle: Option<String>,
}

/// The Service of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WebhookService {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
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
