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
use crate::{Error, Management, Verb};

/// That an object which is being deleted is gone, whoever holds it.
///
/// # Guarantees
///
/// Only this object (its uid), only while it is being deleted, only finalizers that are known here,
/// and only those that were shown: what came since is another change. The write is bound to the
/// `resourceVersion` that was read in the same breath; when somebody else was faster it has no
/// effect, and is not repeated.
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
) -> Result<Outcome<HeldObserved>, EnsureError<Error>> {
    ensure(ctx, management, &ReleaseFinalizers { object, awaited: false }).await
}

/// The object, if there is one of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldObserved(Option<ObservedObject>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ObservedObject {
    uid: String,
    resource_version: String,
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
}

impl ReleaseFinalizers {
    async fn look(&self, management: &Management) -> Result<HeldObserved, Error> {
        match management.read::<Wire>(&self.object.path(), METADATA).await {
            Ok(Wire { metadata }) => Ok(HeldObserved(Some(ObservedObject {
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                deleted: metadata.deletion_timestamp,
                finalizers: metadata.finalizers,
            }))),
            Err(Error::Status { code: 404, .. }) => Ok(HeldObserved(None)),
            Err(error) => Err(error),
        }
    }
}

impl Desired for ReleaseFinalizers {
    const KIND: &'static str = "capi.released.v1";
    type Target = Management;
    type Observed = HeldObserved;
    type Change = FinalizerRelease;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new(&self.object.kind, &self.object.name)
    }

    fn key(&self) -> String {
        self.object.path()
    }

    async fn observe(&self, management: &Management) -> Result<HeldObserved, Error> {
        self.look(management).await
    }

    fn diff(&self, seen: &HeldObserved) -> Result<Delta<FinalizerRelease>, Conflict> {
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
        let (object, finalizers) = (self.object.clone(), seen.finalizers.clone());
        Ok(Delta::Changes(vec![FinalizerRelease { object, finalizers }]))
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
        let now = self.look(management).await?;
        let same = |seen: &&ObservedObject| {
            seen.uid == change.object.uid
                && seen.deleted.is_some()
                && seen.finalizers == change.finalizers
        };
        // Somebody was faster, in whole or part. That is no proof: verification will look.
        let Some(seen) = now.0.as_ref().filter(same) else { return Ok(()) };
        let patch = json!({
            "metadata": { "resourceVersion": seen.resource_version, "finalizers": [] },
        });
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
