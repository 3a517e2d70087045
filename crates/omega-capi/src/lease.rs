//! The lock of the management cluster: a Lease of `coordination.k8s.io/v1`.
//!
//! Kubernetes knows no fencing token: before each write, the Lease is read again and must still be this
//! run's. A write that was sent just before the lock was lost can still arrive after it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use omega_core::{
    Failure, Label as _,
    run::{HeldLock, LOCK_LASTS, LockHolder, LockRefusal, LockWanted, TargetLock},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, Management, Verb, management::Sent};

/// The namespace that every cluster has, which the API server makes again when it is deleted.
pub const LEASE_NAMESPACE: &str = "default";
/// The name of the Lease.
pub const LEASE_NAME: &str = "omega";

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/omega";
/// The annotation with the id of the lock and its holder as data: `holderIdentity` is for people.
const LOCK: &str = "omega/lock";

/// How often the Lease is asked for while others change it at the same time.
const TRIES: usize = 3;

/// What the clones of a client know of the lock.
#[derive(Default)]
pub(crate) struct LeaseState {
    held: Mutex<Option<Mine>>,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone, PartialEq, Eq)]
struct Mine {
    id: String,
    token: u64,
}

impl LeaseState {
    fn mine(&self) -> Option<Mine> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, mine: Option<Mine>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = mine;
    }
}

/// The Lease as omega reads it. Other fields are kept by nobody: each holder writes its own.
#[derive(Deserialize)]
struct Lease {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<i64>,
    renew_time: Option<Timestamp>,
    lease_transitions: Option<u64>,
}

/// The annotation.
#[derive(Serialize, Deserialize)]
struct Annotation {
    id: String,
    #[serde(default)]
    holder: LockHolder,
}

impl Lease {
    fn token(&self) -> u64 {
        self.spec.lease_transitions.unwrap_or_default()
    }

    /// Returns the lock, if it is held at `now`.
    fn held(&self, now: Timestamp) -> Option<HeldLock> {
        let identity =
            self.spec.holder_identity.as_ref().filter(|identity| !identity.is_empty())?;
        let lasts = SignedDuration::from_secs(self.spec.lease_duration_seconds.unwrap_or_default());
        let expires = self.spec.renew_time.unwrap_or_default().saturating_add(lasts).ok()?;
        let annotation = self.metadata.annotations.as_ref().and_then(|all| all.get(LOCK));
        let stored = annotation.and_then(|text| serde_json::from_str(text).ok());
        let Annotation { id, holder } = stored.unwrap_or_else(|| {
            let mut holder = LockHolder::default();
            holder.who.clone_from(identity);
            Annotation { id: format!("transition-{}", self.token()), holder }
        });
        let lock = HeldLock { id, token: self.token(), holder, expires };
        (lock.expires > now).then_some(lock)
    }
}

/// The Lease and the time, by the clock of the API server.
struct Seen {
    lease: Option<Lease>,
    now: Timestamp,
}

impl Seen {
    fn held(&self) -> Option<HeldLock> {
        self.lease.as_ref()?.held(self.now)
    }

    fn is_mine(&self, mine: &Mine) -> bool {
        self.held().is_some_and(|held| (&held.id, held.token) == (&mine.id, mine.token))
    }

    fn body(&self, spec: &Value, annotations: &Value) -> Value {
        let version = self.lease.as_ref().map(|lease| &lease.metadata.resource_version);
        let mut metadata = json!({ "name": LEASE_NAME, "namespace": LEASE_NAMESPACE });
        if let (Some(version), Some(fields)) = (version, metadata.as_object_mut()) {
            fields.insert("resourceVersion".to_owned(), json!(version));
            fields.insert("annotations".to_owned(), annotations.clone());
        } else if let Some(fields) = metadata.as_object_mut() {
            fields.insert("annotations".to_owned(), annotations.clone());
        }
        let (version, kind) = ("coordination.k8s.io/v1", "Lease");
        json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec })
    }

    /// The Lease of a holder that renews it now.
    fn taken(&self, id: &str, token: u64, holder: &LockHolder) -> Value {
        let annotation = Annotation { id: id.to_owned(), holder: holder.clone() };
        let annotation = serde_json::to_string(&annotation).unwrap_or_default();
        let spec = json!({
            "holderIdentity": holder.to_string(),
            "leaseDurationSeconds": LOCK_LASTS.as_secs(),
            "acquireTime": micro_time(holder.since.unwrap_or(self.now)),
            "renewTime": micro_time(self.now),
            "leaseTransitions": token,
        });
        self.body(&spec, &json!({ LOCK: annotation }))
    }

    /// The Lease that nobody holds: the count of its holders stays.
    fn free(&self, token: u64) -> Value {
        let spec = json!({
            "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": micro_time(self.now),
            "leaseTransitions": token,
        });
        self.body(&spec, &json!({}))
    }
}

/// As Kubernetes writes a `MicroTime`.
fn micro_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// The lock of a management cluster.
struct ClusterLease(Management);

impl ClusterLease {
    async fn look(&self) -> Result<Seen, Error> {
        let (status, date, body) = self.0.answer(LEASE).await?;
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
        let now = date.map_or_else(Timestamp::now, |date| date.timestamp());
        let lease = match status {
            404 => None,
            200 => Some(self.0.parse(Verb::Get, LEASE, &body)?),
            code => return Err(self.0.status(Verb::Get, LEASE, code, &body)),
        };
        Ok(Seen { lease, now })
    }

    /// Writes the Lease as it is to be after it was seen so. Returns false if it was changed meanwhile: by
    /// another, or by this very request, whose answer was lost.
    async fn write(&self, seen: &Seen, body: &Value) -> Result<bool, Error> {
        let (verb, path) = match &seen.lease {
            Some(_) => (Verb::Replace, LEASE),
            None => (Verb::Create, LEASES),
        };
        match self.0.send_unlocked(Sent::again(verb), path, body).await {
            Ok(_) => Ok(true),
            Err(Error::Status { code: 404 | 409, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tries once. `None`: another changed the Lease at the same time.
    async fn try_acquire(&self, wanted: &LockWanted) -> Result<Option<HeldLock>, LockRefusal> {
        let failed = |error: &Error| LockRefusal::Failed(Box::new(self.failed("take", error)));
        let seen = self.look().await.map_err(|error| failed(&error))?;
        let held = seen.held();
        let again = held.as_ref().is_some_and(|held| held.id == wanted.id);
        if let Some(held) =
            held.filter(|held| !again && wanted.instead_of.as_ref() != Some(&held.id))
        {
            return Err(LockRefusal::Held(Box::new(held)));
        }
        let token = seen.lease.as_ref().map_or(0, Lease::token) + u64::from(!again);
        let body = seen.taken(&wanted.id, token, &wanted.holder);
        if !self.write(&seen, &body).await.map_err(|error| failed(&error))? {
            return Ok(None);
        }
        let (id, holder) = (wanted.id.clone(), wanted.holder.clone());
        self.0.lease_state().hold(Some(Mine { id: id.clone(), token }));
        Ok(Some(HeldLock { id, token, holder, expires: seen.now + LOCK_LASTS }))
    }

    fn failed(&self, what: &str, error: &Error) -> Failure {
        let what = format!(
            "could not {what} the lock of {}, the Lease {LEASE_NAMESPACE}/{LEASE_NAME}",
            self.place()
        );
        Failure::from_error(what, error)
    }
}

#[async_trait]
impl TargetLock for ClusterLease {
    fn place(&self) -> String {
        self.0.label()
    }

    async fn acquire(&self, wanted: &LockWanted) -> Result<HeldLock, LockRefusal> {
        for _ in 0..TRIES {
            if let Some(held) = self.try_acquire(wanted).await? {
                return Ok(held);
            }
        }
        let why = "others change it at the same time";
        let error = self.0.malformed(Verb::Replace, LEASE, why);
        let failure = self.failed("take", &error).next("run the same command again in a moment");
        Err(LockRefusal::Failed(Box::new(failure)))
    }

    async fn renew(&self) -> Result<(), Failure> {
        let Some(mine) = self.0.lease_state().mine() else { return Ok(()) };
        let failed = |error: Error| self.failed("renew", &error);
        let seen = self.look().await.map_err(failed)?;
        let Some(held) = seen.held().filter(|_| seen.is_mine(&mine)) else {
            return Err(failed(lost(&self.0, seen.held())));
        };
        let body = seen.taken(&held.id, held.token, &held.holder);
        // If another changed it meanwhile, the next write or renewal finds out who.
        self.write(&seen, &body).await.map(drop).map_err(failed)
    }

    async fn release(&self) -> Result<(), Failure> {
        let Some(mine) = self.0.lease_state().mine() else { return Ok(()) };
        self.0.lease_state().hold(None);
        let failed = |error: Error| self.failed("release", &error);
        for _ in 0..TRIES {
            let seen = self.look().await.map_err(failed)?;
            if !seen.is_mine(&mine)
                || self.write(&seen, &seen.free(mine.token)).await.map_err(failed)?
            {
                return Ok(());
            }
        }
        Err(failed(self.0.malformed(Verb::Replace, LEASE, "others change it at the same time")))
    }

    async fn held(&self) -> Result<Option<HeldLock>, Failure> {
        let seen = self.look().await.map_err(|error| self.failed("read", &error))?;
        Ok(seen.held())
    }
}

fn lost(management: &Management, held: Option<HeldLock>) -> Error {
    Error::Fenced { server: management.label(), held: held.map(Box::new) }
}

impl Management {
    /// Returns the lock of the cluster. Its requests are counted by themselves.
    pub(crate) fn lease(&self) -> Arc<dyn TargetLock> {
        Arc::new(ClusterLease(self.counting_in(&self.lease_state().requests)))
    }

    /// Returns how many requests this client and its clones have sent for the lock. They are not among
    /// [`Management::requests`].
    pub fn lock_requests(&self) -> usize {
        self.lease_state().requests.load(Ordering::Relaxed)
    }

    /// Fails if this client took the lock and no longer has it.
    pub(crate) async fn still_locked(&self) -> Result<(), Error> {
        let Some(mine) = self.lease_state().mine() else { return Ok(()) };
        let lease = ClusterLease(self.counting_in(&self.lease_state().requests));
        let seen = lease.look().await?;
        if seen.is_mine(&mine) { Ok(()) } else { Err(lost(self, seen.held())) }
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
