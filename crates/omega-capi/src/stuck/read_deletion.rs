use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Deletion, Held, ObjectRef,
    finalizers::{HoldingKind, KINDS},
};
use crate::{Error, Management, Namespace, Served};

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

/// Reads what is left of the cluster `name`, and what holds each object.
///
/// Each kind is read at its newest served version: only what all versions share is looked at. A
/// kind that nobody serves has no objects that anybody could let go.
///
/// # Errors
///
/// Fails if something of it can't be read: half of it would be released in the wrong order.
pub async fn read_deletion(
    management: &Management,
    served: &Served,
    namespace: &Namespace,
    name: &str,
) -> Result<Deletion, Error> {
    let mut held = Vec::new();
    for kind in &KINDS {
        let Some(version) = served.versions_of(kind.group, kind.plural).next() else { continue };
        let found = of_kind(management, kind, version, namespace, name).await?;
        let one = |Wire { metadata }: Wire| Held {
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
        };
        held.extend(found.into_iter().map(one).filter(|held| !held.finalizers.is_empty()));
    }
    Ok(Deletion { held })
}

async fn of_kind(
    management: &Management,
    kind: &HoldingKind,
    version: &str,
    namespace: &Namespace,
    name: &str,
) -> Result<Vec<Wire>, Error> {
    let HoldingKind { group, plural, label, kind: _ } = kind;
    let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}");
    if let Some(label) = label {
        let selector = format!("labelSelector={}%3D{name}", label.replace('/', "%2F"));
        return management.list(&path, &selector, PAGE, METADATA_LIST).await;
    }
    match management.read::<Wire>(&format!("{path}/{name}"), METADATA).await {
        Ok(found) => Ok(vec![found]),
        Err(Error::Status { code: 404, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
