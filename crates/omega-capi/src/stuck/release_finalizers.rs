//! Lets one object go that nobody else lets go.

use std::time::Duration;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ObjectRef, finalizer_owner,
    read_deletion::{METADATA, Wire},
};
use crate::{Error, Management, ReadVersion, Verb};

/// That an object which is being deleted is gone, whoever holds it.
///
/// # Guarantees
///
/// Only this object (its uid), only while it is being deleted, only finalizers that are known here,
/// and only those that were shown: what came since is another change. The write is bound to the
/// `resourceVersion` that the diff was made of; when somebody else was faster it has no effect, and
/// is not repeated.
///
/// # Caveats
///
/// What the finalizer's owner had to do is not done. What it would have removed in `OpenStack`
/// stays there: [`omega_openstack`] removes it.
///
/// [`omega_openstack`]: https://docs.rs/omega-openstack
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFinalizers {
    /// The object.
    pub object: ObjectRef,
    /// Whether its cluster is being deleted, so that its turn comes: then a controller is given
    /// time to begin. Otherwise an object that is not being deleted is refused.
    #[serde(default)]
    pub awaited: bool,
}

/// Lets `object` go, and returns once it is gone.
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
/// Refuses an object that is not being deleted, and a finalizer that nobody has heard of.
pub async fn release_finalizers(
    ctx: &Context,
    management: &Management,
    object: ObjectRef,
) -> Result<Outcome<ReleaseObserved>, EnsureError<Error>> {
    ensure(ctx, management, &ReleaseFinalizers { object, awaited: false }).await
}

/// The object, if there is one of its name.
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
pub struct FinalizerRelease {
    /// The object.
    pub object: ObjectRef,
    /// What is taken off it: all that it has.
    pub finalizers: Vec<String>,
    /// The version that was read: if somebody else wrote since, the write has no effect.
    pub version: ReadVersion,
}

impl Desired for ReleaseFinalizers {
    const KIND: &'static str = "capi.released.v1";
    type Target = Management;
    type Observed = ReleaseObserved;
    type Change = FinalizerRelease;
    /// Nothing puts a finalizer back on an object that is being deleted.
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new(&self.object.kind, &self.object.name)
    }

    fn key(&self) -> String {
        self.object.path()
    }

    async fn observe(&self, management: &Management) -> Result<ReleaseObserved, Error> {
        match management.read::<Wire>(&self.object.path(), METADATA).await {
            Ok(Wire { metadata }) => Ok(ReleaseObserved(Some(HeldBy {
                uid: metadata.uid,
                version: ReadVersion::new(metadata.resource_version),
                deleted: metadata.deletion_timestamp,
                finalizers: metadata.finalizers,
            }))),
            Err(Error::Status { code: 404, .. }) => Ok(ReleaseObserved(None)),
            Err(error) => Err(error),
        }
    }

    fn diff(&self, seen: &ReleaseObserved) -> Result<Delta<FinalizerRelease>, Conflict> {
        // Gone, or another object of the same name: this one is gone.
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
            let why = format!("{} is held by {unknown}, which is not known here", self.object);
            let next = "find out who puts it there, and let that controller give it up";
            return Err(Conflict::new(why, next));
        }
        if seen.finalizers.is_empty() {
            return Ok(Delta::Wait(format!("the API server has yet to remove {}", self.object)));
        }
        Ok(Delta::Changes(vec![FinalizerRelease {
            object: self.object.clone(),
            finalizers: seen.finalizers.clone(),
            version: seen.version.clone(),
        }]))
    }

    /// A controller that was waiting comes back after a minute or two.
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
            "metadata": { "resourceVersion": change.version, "finalizers": [] },
        });
        // Somebody was faster, in whole or part. That is no proof: verification will look.
        match management.send(Verb::Merge, &change.object.path(), &patch).await {
            Err(Error::Status { code: 404 | 409, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

impl Describe for FinalizerRelease {
    fn describe(&self) -> Diff {
        let owner = |name: &String| {
            format!("{name} (of {})", finalizer_owner(name).unwrap_or("somebody unknown"))
        };
        let all: Vec<_> = self.finalizers.iter().map(owner).collect();
        let effect = format!("release {}", all.join(", "));
        let subject = Subject::new(&self.object.kind, &self.object.name);
        Diff::new(ChangeKind::Delete, subject, effect).with(format!("uid {}", self.object.uid))
    }
}
