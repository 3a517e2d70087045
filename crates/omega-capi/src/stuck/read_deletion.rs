use futures::future::{try_join, try_join_all};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::{
    Deletion, HeldObject, ObjectRef,
    finalizers::{HoldingKind, KINDS},
};
use crate::{
    Error, Management, Namespace,
    health::answer::PAUSED,
    list::{JSON, METADATA, METADATA_LIST, label_selector},
    served::ServedVersions,
    wire::PartialObject,
};

const CLUSTERS: (&str, &str) = ("cluster.x-k8s.io", "clusters");

/// A Cluster. Nothing in its spec is secret.
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

/// Reads which objects of the cluster `name` are left, with their finalizers.
///
/// Each kind is read at its newest served version, as only metadata is needed.
///
/// # Errors
///
/// Fails if any kind can't be read: with an incomplete list, finalizers would be released in the
/// wrong order.
pub async fn read_deletion(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    name: &str,
) -> Result<Deletion, Error> {
    let kinds = KINDS.iter().filter_map(|kind| {
        let version = served.versions_of(kind.group, kind.plural).next()?;
        Some(held_objects(management, kind, version, namespace, name))
    });
    let paused = is_paused(management, served, namespace, name);
    let (all, paused) = try_join(try_join_all(kinds), paused).await?;
    let (held, annotated): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    Ok(Deletion { held: held.concat(), paused, annotated: annotated.concat() })
}

async fn is_paused(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    name: &str,
) -> Result<bool, Error> {
    let (group, plural) = CLUSTERS;
    let Some(version) = served.versions_of(group, plural).next() else { return Ok(false) };
    let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}");
    let found = management.find::<Pausable>(&path, JSON).await?;
    Ok(found.is_some_and(|cluster| cluster.spec.paused))
}

async fn held_objects(
    management: &Management,
    kind: &HoldingKind,
    version: &str,
    namespace: &Namespace,
    name: &str,
) -> Result<(Vec<HeldObject>, Vec<ObjectRef>), Error> {
    let path = format!("/apis/{}/{version}/namespaces/{namespace}/{}", kind.group, kind.plural);
    let found: Vec<PartialObject> = if let Some(label) = kind.label {
        management.list_whole(&path, &label_selector(label, name), METADATA_LIST).await?
    } else {
        management.find(&format!("{path}/{name}"), METADATA).await?.into_iter().collect()
    };
    let paused = |metadata: &ObjectMeta| {
        metadata.annotations.as_ref().is_some_and(|all| all.contains_key(PAUSED))
    };
    let all = found.into_iter().map(|PartialObject { metadata }| {
        (
            paused(&metadata),
            HeldObject {
                object: ObjectRef {
                    group: kind.group.to_owned(),
                    version: version.to_owned(),
                    plural: kind.plural.to_owned(),
                    kind: kind.kind.to_owned(),
                    namespace: namespace.clone(),
                    name: metadata.name.unwrap_or_default(),
                    uid: metadata.uid.unwrap_or_default(),
                },
                deleted: metadata.deletion_timestamp.map(|time| time.0),
                finalizers: metadata.finalizers.unwrap_or_default(),
            },
        )
    });
    let all: Vec<(bool, HeldObject)> = all.collect();
    let annotated = all.iter().filter(|(paused, _)| *paused).map(|(_, one)| one.object.clone());
    let annotated = annotated.collect();
    let held = all.into_iter().map(|(_, one)| one).filter(|one| !one.finalizers.is_empty());
    Ok((held.collect(), annotated))
}

/// Returns whether the management cluster has the namespace. magnum-capi-helm creates that of a
/// project with its first cluster and never deletes it (1.4.0, `driver.py`): without the namespace,
/// the project never had a cluster.
///
/// # Errors
///
/// Fails if it can't be read.
pub async fn has_namespace(management: &Management, namespace: &Namespace) -> Result<bool, Error> {
    let path = format!("/api/v1/namespaces/{namespace}");
    Ok(management.find::<PartialObject>(&path, METADATA).await?.is_some())
}
