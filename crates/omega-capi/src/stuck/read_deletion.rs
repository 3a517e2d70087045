use futures::future::{try_join, try_join_all};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Deletion, HeldObject, ObjectRef,
    finalizers::{HoldingKind, KINDS},
};
use crate::{Error, Management, Namespace, list::JSON, served::ServedVersions};

/// Only what all objects have is asked for: a spec can hold passwords.
pub(super) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
pub(super) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PAGE: usize = 200;

#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) uid: String,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default)]
    pub(super) deletion_timestamp: Option<Timestamp>,
    #[serde(default)]
    pub(super) finalizers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Pausable {
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    paused: bool,
}

const CLUSTERS: (&str, &str) = ("cluster.x-k8s.io", "clusters");

/// Reads what is left of the cluster `name`, and what holds each object.
///
/// Each kind is read at its newest served version: only what all versions share is looked at. A
/// kind that nobody serves has no objects to release.
///
/// # Errors
///
/// Fails if something of it can't be read: half of it would be released in the wrong order.
pub async fn read_deletion(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    name: &str,
) -> Result<Deletion, Error> {
    let kinds = KINDS.iter().filter_map(|kind| {
        let version = served.versions_of(kind.group, kind.plural).next()?;
        Some(of_kind(management, kind, version, namespace, name))
    });
    let paused = async {
        match served.versions_of(CLUSTERS.0, CLUSTERS.1).next() {
            Some(version) => is_paused(management, version, namespace, name).await,
            None => Ok(false),
        }
    };
    let (held, paused) = try_join(try_join_all(kinds), paused).await?;
    Ok(Deletion { held: held.concat(), paused })
}

/// Nothing in a Cluster's spec is secret.
async fn is_paused(
    management: &Management,
    version: &str,
    namespace: &Namespace,
    name: &str,
) -> Result<bool, Error> {
    let (group, plural) = CLUSTERS;
    let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}");
    match management.read::<Pausable>(&path, JSON).await {
        Ok(found) => Ok(found.spec.paused),
        Err(Error::Status { code: 404, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn of_kind(
    management: &Management,
    kind: &HoldingKind,
    version: &str,
    namespace: &Namespace,
    name: &str,
) -> Result<Vec<HeldObject>, Error> {
    let path = format!("/apis/{}/{version}/namespaces/{namespace}/{}", kind.group, kind.plural);
    let found: Vec<Wire> = if let Some(label) = kind.label {
        let selector = format!("labelSelector={}%3D{name}", label.replace('/', "%2F"));
        management.list(&path, &selector, PAGE, METADATA_LIST).await?
    } else {
        match management.read::<Wire>(&format!("{path}/{name}"), METADATA).await {
            Ok(found) => vec![found],
            Err(Error::Status { code: 404, .. }) => Vec::new(),
            Err(error) => return Err(error),
        }
    };
    let held = found.into_iter().filter(|Wire { metadata }| !metadata.finalizers.is_empty());
    Ok(held
        .map(|Wire { metadata }| HeldObject {
            object: ObjectRef {
                group: kind.group.to_owned(),
                version: version.to_owned(),
                plural: kind.plural.to_owned(),
                kind: kind.kind.to_owned(),
                namespace: namespace.clone(),
                name: metadata.name,
                uid: metadata.uid,
            },
            deleted: metadata.deletion_timestamp,
            finalizers: metadata.finalizers,
        })
        .collect())
}
