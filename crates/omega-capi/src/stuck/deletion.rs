use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Namespace, health::answer::PAUSED};

/// What is left of a cluster that is being deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The objects that have finalizers, children before their parents.
    pub held: Vec<HeldObject>,
    /// Whether the cluster is paused (`spec.paused`): controllers ignore it.
    #[serde(default)]
    pub paused: bool,
    /// The objects that an annotation pauses: their own controllers ignore them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotated: Vec<ObjectRef>,
}

/// An object that has finalizers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub struct HeldObject {
    pub object: ObjectRef,
    /// Its `deletionTimestamp`, by the API server's clock.
    pub deleted: Option<Timestamp>,
    pub finalizers: Vec<String>,
}

/// How far a delete is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteProgress {
    /// Nothing is left.
    Gone,
    /// The cluster, or this object of it, is not being deleted.
    NotDeleted(ObjectRef),
    /// The last object began to be deleted `idle` ago: the controllers may still be at work.
    #[expect(missing_docs, reason = "explained above")]
    InProgress { idle: Duration },
    /// The last `deletionTimestamp` is in the future: a clock is wrong.
    Future(Timestamp),
    /// No further object has begun to be deleted for `idle`, which is too long.
    #[expect(missing_docs, reason = "explained above")]
    Stuck { idle: Duration },
}

impl Deletion {
    /// Returns the commands that let the controllers work again; empty if nothing is paused.
    pub fn unpause(&self, namespace: &Namespace, cluster: &str) -> Vec<String> {
        let patch = self.paused.then(|| {
            format!(
                "kubectl -n {namespace} patch cluster {cluster} --type merge -p \
                 '{{\"spec\":{{\"paused\":false}}}}'"
            )
        });
        let annotate = self.annotated.iter().map(|object| {
            let ObjectRef { plural, group, name, .. } = object;
            format!("kubectl -n {namespace} annotate {plural}.{group} {name} {PAUSED}-")
        });
        patch.into_iter().chain(annotate).collect()
    }

    /// Returns the progress at `now` by the API server's clock ([`crate::Management::time`]). It is
    /// stuck after `patience`.
    ///
    /// Controllers delete what they own one after the other, so the latest `deletionTimestamp` tells
    /// when something last happened.
    pub fn progress(&self, now: Timestamp, patience: Duration) -> DeleteProgress {
        if self.held.is_empty() {
            return DeleteProgress::Gone;
        }
        // The cluster is last. What it owns may not be marked yet.
        if let Some(root) = self.held.last().filter(|held| held.object.kind == "Cluster")
            && root.deleted.is_none()
        {
            return DeleteProgress::NotDeleted(root.object.clone());
        }
        let Some(last) = self.held.iter().filter_map(|held| held.deleted).max() else {
            let object = self.held.first().map(|held| held.object.clone());
            return object.map_or(DeleteProgress::Gone, DeleteProgress::NotDeleted);
        };
        match Duration::try_from(now.duration_since(last)) {
            Err(_) => DeleteProgress::Future(last),
            Ok(idle) if idle < patience => DeleteProgress::InProgress { idle },
            Ok(idle) => DeleteProgress::Stuck { idle },
        }
    }
}

/// One object by its UID: a later one of the same name is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of every object")]
pub struct ObjectRef {
    pub group: String,
    /// A served version.
    pub version: String,
    /// `openstackclusters`, as in a path.
    pub plural: String,
    pub kind: String,
    pub namespace: Namespace,
    pub name: String,
    pub uid: String,
}

impl ObjectRef {
    pub(super) fn path(&self) -> String {
        let Self { group, version, plural, namespace, name, kind: _, uid: _ } = self;
        format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}")
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
