use std::time::Duration;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ObjectRef, finalizer_owner, finalizers::is_collectors};
use crate::{Error, Management, ReadVersion, Verb, list::METADATA, wire::PartialObject};

/// Ensures that an object which is being deleted is gone: removes its finalizers.
///
/// # Guarantees
///
/// It changes only this object (by UID), only while it is being deleted, and only known finalizers
/// that the plan showed. The write names the `resourceVersion` of the diff: if the object has changed
/// since, it has no effect and is not repeated.
///
/// # Caveats
///
/// The cleanup of the finalizer's controller is skipped. What it would have deleted in `OpenStack`
/// stays: [`omega_openstack`] deletes it.
///
/// [`omega_openstack`]: https://docs.rs/omega-openstack
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFinalizers {
    /// The object.
    pub object: ObjectRef,
    /// Whether a controller will delete it, as its cluster is being deleted: then it is waited for.
    /// Otherwise an object that is not being deleted is refused.
    #[serde(default)]
    pub awaited: bool,
}

/// Removes the finalizers of `object`, and returns once it is gone.
///
/// ```no_run
/// # use omega_capi::{Management, stuck::*};
/// # async fn f(management: &Management, object: ObjectRef) -> Result<(), Box<dyn std::error::Error>> {
/// let done = release_finalizers(&Default::default(), management, object).await?;
/// println!("released: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses an object that is not being deleted, and an unknown finalizer.
pub async fn release_finalizers(
    ctx: &Context,
    management: &Management,
    object: ObjectRef,
) -> Result<Outcome<ReleaseObserved>, EnsureError<Error>> {
    ensure(ctx, management, &ReleaseFinalizers { object, awaited: false }).await
}

/// The object of that name, if it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseObserved(Option<HeldBy>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HeldBy {
    uid: String,
    version: ReadVersion,
    deleted: Option<Timestamp>,
    finalizers: Vec<String>,
}

/// `PATCH` of `metadata.finalizers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct FinalizerRelease {
    pub object: ObjectRef,
    /// The finalizers to remove: all that it has, but those of the garbage collector.
    pub finalizers: Vec<String>,
    /// Those of the garbage collector, which stay: it removes them once what the object owns is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    pub version: ReadVersion,
}

impl Desired for ReleaseFinalizers {
    const KIND: &'static str = "capi.released.v1";
    type Target = Management;
    type Observed = ReleaseObserved;
    type Change = FinalizerRelease;
    /// It can't be undone: an object that is being deleted takes no new finalizers.
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new(&self.object.kind, &self.object.name)
    }

    fn key(&self) -> String {
        self.object.path()
    }

    async fn observe(&self, management: &Management) -> Result<ReleaseObserved, Error> {
        let found = management.find::<PartialObject>(&self.object.path(), METADATA).await?;
        Ok(ReleaseObserved(found.map(|PartialObject { metadata }| HeldBy {
            uid: metadata.uid.unwrap_or_default(),
            version: ReadVersion::new(metadata.resource_version.unwrap_or_default()),
            deleted: metadata.deletion_timestamp.map(|time| time.0),
            finalizers: metadata.finalizers.unwrap_or_default(),
        })))
    }

    fn diff(&self, seen: &ReleaseObserved) -> Result<Delta<FinalizerRelease>, Conflict> {
        // Another object of the same name means that this one is gone.
        let Some(seen) = seen.0.as_ref().filter(|seen| seen.uid == self.object.uid) else {
            return Ok(Delta::Satisfied);
        };
        if seen.deleted.is_none() && self.awaited {
            return Ok(Delta::Wait(format!("no controller has begun to delete {}", self.object)));
        }
        if seen.deleted.is_none() {
            let next = "delete the cluster first (openstack coe cluster delete)";
            return Err(Conflict::new(format!("{} is not being deleted", self.object), next));
        }
        let unknown = seen.finalizers.iter().find(|name| finalizer_owner(name).is_none());
        if let Some(unknown) = unknown {
            let why = format!("{} has the unknown finalizer {unknown}", self.object);
            let next = "find out which controller owns it, and let that controller remove it";
            return Err(Conflict::new(why, next));
        }
        if seen.finalizers.is_empty() {
            return Ok(Delta::Wait(format!("the API server has not removed {} yet", self.object)));
        }
        let (kept, finalizers): (Vec<String>, Vec<String>) =
            seen.finalizers.iter().cloned().partition(|name| is_collectors(name));
        if finalizers.is_empty() {
            let until = "until what it owns is gone, the garbage collector holds";
            return Ok(Delta::Wait(format!("{until} {}", self.object)));
        }
        Ok(Delta::Changes(vec![FinalizerRelease {
            object: self.object.clone(),
            finalizers,
            kept,
            version: seen.version.clone(),
        }]))
    }

    /// A waiting controller tries again after a minute or two.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_mins(2))
    }

    async fn apply(
        &self,
        _: &Context,
        management: &Management,
        change: &FinalizerRelease,
    ) -> Result<(), Error> {
        let patch = json!({
            "metadata": { "resourceVersion": change.version, "finalizers": change.kept },
        });
        management.change(Verb::Merge, &change.object.path(), &patch, &[404, 409]).await
    }
}

impl Describe for FinalizerRelease {
    fn describe(&self) -> Diff {
        let owner = |name: &String| {
            format!("{name} (of {})", finalizer_owner(name).unwrap_or("an unknown controller"))
        };
        let all: Vec<_> = self.finalizers.iter().map(owner).collect();
        let effect = format!("release {}", all.join(", "));
        let subject = Subject::new(&self.object.kind, &self.object.name);
        Diff::new(ChangeKind::Delete, subject, effect).with(format!("uid {}", self.object.uid))
    }
}
