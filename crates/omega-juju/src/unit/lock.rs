//! The lock of a unit's machine: `/var/lib/omega/lock.json`, which the agent checks at every action.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use omega_core::{
    Failure, patiently,
    run::{HeldLock, LockRefusal, LockWanted, TargetLock},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, RwLockReadGuard};

use super::{ActionFailure, Channel, FailureCode, Probe, Reply};
use crate::Error;

/// What an action carries to show that its run holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The lock's id.
    pub id: String,
    /// Its token. Each time the lock is taken it gets a new one, which only grows.
    pub token: u64,
}

/// A request about the lock. The machine's clock decides when a lock expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lock", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LockRequest {
    /// Takes it, if nobody holds it; or from the holder of `instead_of`, which breaks that lock.
    Acquire(LockWanted),
    /// Lets it last from now on.
    Renew {
        /// The lock.
        fence: Fence,
    },
    /// Gives it up, if it is still held.
    Release {
        /// The lock.
        fence: Fence,
    },
}

impl LockRequest {
    /// Returns the request for this lock.
    pub fn acquire(wanted: &LockWanted) -> Self {
        Self::Acquire(wanted.clone())
    }
}

/// The request for a trace.
impl fmt::Display for LockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquire(wanted) => write!(f, "lock {}", wanted.id),
            Self::Renew { fence } => write!(f, "renew lock {}", fence.id),
            Self::Release { fence } => write!(f, "unlock {}", fence.id),
        }
    }
}

/// The lock of one machine, shared by the handles on it.
pub(super) struct UnitLock {
    label: String,
    channel: Arc<dyn Channel>,
    held: Mutex<Option<Fence>>,
    /// Actions read, a renewal writes: an action renews the lock itself.
    acting: RwLock<()>,
    requests: AtomicUsize,
}

/// The lock that an action needs, for as long as it takes.
pub(super) struct ForAction<'a> {
    fence: Option<Fence>,
    _acting: RwLockReadGuard<'a, ()>,
}

impl ForAction<'_> {
    pub(super) fn as_ref(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }
}

impl UnitLock {
    pub(super) fn new(label: &str, channel: Arc<dyn Channel>) -> Self {
        let (held, acting, requests) = (Mutex::default(), RwLock::new(()), AtomicUsize::new(0));
        Self { label: label.to_owned(), channel, held, acting, requests }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the lock that is held, once no renewal is under way.
    pub(super) async fn for_action(&self) -> ForAction<'_> {
        let acting = self.acting.read().await;
        ForAction { fence: self.fence(), _acting: acting }
    }

    fn fence(&self) -> Option<Fence> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, fence: Option<Fence>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = fence;
    }

    /// Sends the request, and again while that may help: it names its lock, so it has the same effect
    /// however often it arrives.
    async fn send(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        patiently(|| async {
            self.requests.fetch_add(1, Ordering::Relaxed);
            tracing::info!(unit = self.label, %request, "locking");
            self.channel.lock(request).await
        })
        .await
    }

    fn failed(&self, what: &str, error: &Error) -> Failure {
        Failure::from_error(format!("could not {what} the lock of {}", self.label), error)
    }
}

#[async_trait]
impl TargetLock for UnitLock {
    fn place(&self) -> String {
        self.label.clone()
    }

    async fn acquire(&self, wanted: &LockWanted) -> Result<HeldLock, LockRefusal> {
        match self.send(&LockRequest::acquire(wanted)).await {
            Ok(Some(lock)) if lock.id == wanted.id => {
                self.hold(Some(Fence { id: lock.id.clone(), token: lock.token }));
                Ok(lock)
            }
            Err(Error::Failed {
                failure: ActionFailure { code: FailureCode::Held, held: Some(held), .. },
                ..
            }) => Err(LockRefusal::Held(held)),
            Ok(found) => {
                let why = match found {
                    Some(lock) => format!("the lock that was taken is {}", lock.id),
                    None => "the lock that was taken is not held: is its clock steady?".to_owned(),
                };
                let (unit, touched) = (self.label.clone(), omega_core::Touched::Nothing);
                let error = Error::Malformed { unit, why, touched };
                Err(LockRefusal::Failed(Box::new(self.failed("take", &error))))
            }
            Err(error) => Err(LockRefusal::Failed(Box::new(self.failed("take", &error)))),
        }
    }

    async fn renew(&self) -> Result<(), Failure> {
        let (Ok(_renewing), Some(fence)) = (self.acting.try_write(), self.fence()) else {
            return Ok(());
        };
        let renewed = self.send(&LockRequest::Renew { fence }).await;
        renewed.map(drop).map_err(|error| self.failed("renew", &error))
    }

    async fn release(&self) -> Result<(), Failure> {
        let Some(fence) = self.fence() else { return Ok(()) };
        // Whatever comes of it, this run changes nothing any more.
        self.hold(None);
        let released = self.send(&LockRequest::Release { fence }).await;
        released.map(drop).map_err(|error| self.failed("release", &error))
    }

    async fn held(&self) -> Result<Option<HeldLock>, Failure> {
        let replies = patiently(|| self.channel.ask(&[Probe::Lock])).await;
        let unread = |error: &Error| self.failed("read", error);
        match replies.map_err(|error| unread(&error))?.pop() {
            Some(Reply::Lock { held }) => Ok(held),
            Some(Reply::Failed(failure)) => {
                let (unit, question) = (self.label.clone(), Probe::Lock.to_string());
                Err(unread(&Error::Probe { unit, question, failure }))
            }
            Some(_) | None => {
                let (unit, touched) = (self.label.clone(), omega_core::Touched::Nothing);
                let why = "no reply about the lock".to_owned();
                Err(unread(&Error::Malformed { unit, why, touched }))
            }
        }
    }
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
