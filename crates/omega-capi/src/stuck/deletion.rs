//! How a delete stands: pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ObjectRef;

/// What is left of a cluster on the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The objects that have finalizers, children before their parents.
    pub held: Vec<HeldObject>,
    /// Whether the cluster is paused (`spec.paused`): no controller looks at it.
    #[serde(default)]
    pub paused: bool,
}

/// An object that has finalizers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldObject {
    /// The object.
    pub object: ObjectRef,
    /// Since when it is being deleted, by the API server's clock; none if it is not.
    pub deleted: Option<Timestamp>,
    /// What must be given up before it is gone.
    pub finalizers: Vec<String>,
}

/// How a delete goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteProgress {
    /// Nothing is left.
    Gone,
    /// Nobody has asked for it: this is there and is not being deleted.
    NotDeleted(ObjectRef),
    /// The controllers got on with it a moment ago, and may still.
    Going {
        /// Since then nothing has begun to go.
        quiet: Duration,
    },
    /// The last object to begin to go did so after now: a clock is wrong.
    Future(Timestamp),
    /// Nothing has begun to go for longer than one's patience.
    Stuck {
        /// For so long.
        quiet: Duration,
    },
}

impl Deletion {
    /// Says how it goes at `now` by the API server's clock ([`crate::Management::time`]), for who
    /// waits `patience`.
    ///
    /// A controller marks what it owns when its turn comes, so the youngest mark tells when
    /// anything last moved.
    pub fn progress(&self, now: Timestamp, patience: Duration) -> DeleteProgress {
        if self.held.is_empty() {
            return DeleteProgress::Gone;
        }
        // The cluster comes last; what it owns is marked in its turn.
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
            Ok(quiet) if quiet < patience => DeleteProgress::Going { quiet },
            Ok(quiet) => DeleteProgress::Stuck { quiet },
        }
    }
}
