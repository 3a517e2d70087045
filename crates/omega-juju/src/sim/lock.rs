//! The lock of a simulated unit, as the agent keeps it.

use std::time::Duration;

use jiff::Timestamp;
use omega_core::run::{HeldLock, LOCK_LASTS};
use tokio::time::Instant;

use super::unit::Machine;
use crate::{ActionFailure, FailureCode, Fence, LockRequest};

/// What the machine stores of its lock.
#[derive(Clone, Debug)]
pub(super) struct StoredLock {
    /// The last token.
    token: u64,
    held: Option<HeldLock>,
    /// The clock that decides: it advances with tokio's, which tests can pause.
    began: Instant,
    /// How far the clock was set forward.
    pub(super) ahead: Duration,
}

impl Default for StoredLock {
    fn default() -> Self {
        Self { token: 0, held: None, began: Instant::now(), ahead: Duration::ZERO }
    }
}

impl StoredLock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_nanosecond(i128::from(super::unit::EPOCH)).unwrap_or_default();
        start + (self.began.elapsed() + self.ahead)
    }

    /// Returns the lock, if it is held now.
    pub(super) fn held(&self) -> Option<&HeldLock> {
        self.held.as_ref().filter(|held| held.expires > self.now())
    }

    /// Refuses whoever does not hold it.
    pub(super) fn check(&self, fence: Option<&Fence>) -> Result<(), ActionFailure> {
        let held = self.held();
        match (fence, held) {
            (None, None) => Ok(()),
            (None, Some(held)) => Err(held_by(held)),
            (Some(fence), Some(held)) if (&held.id, held.token) == (&fence.id, fence.token) => {
                Ok(())
            }
            (Some(_), held) => {
                let why =
                    "this run no longer holds the lock of this machine: it expired, or was broken";
                let next = "find out what the other run did, then run it again: completed steps are \
                            not repeated";
                let failure = ActionFailure::new(FailureCode::Fenced, why).next(next);
                Err(ActionFailure { held: held.cloned().map(Box::new), ..failure })
            }
        }
    }

    /// Lets it last from now on: after an action, and at a renewal.
    pub(super) fn renew(&mut self) {
        let expires = self.now() + LOCK_LASTS;
        if let Some(held) = &mut self.held {
            held.expires = expires;
        }
    }
}

fn held_by(held: &HeldLock) -> ActionFailure {
    let why = "another run holds the lock of this machine";
    let failure = ActionFailure::new(FailureCode::Held, why);
    let failure = failure.expected("no other run that changes it");
    ActionFailure { held: Some(Box::new(held.clone())), ..failure }
}

impl Machine {
    pub(super) fn change_lock(
        &mut self,
        request: &LockRequest,
    ) -> Result<Option<HeldLock>, ActionFailure> {
        if !self.fills_late {
            self.writable("/var/lib/omega/lock.json")?;
            self.room("/var/lib/omega")?;
        }
        let lock = &mut self.lock;
        match request {
            LockRequest::Acquire(wanted) => {
                let held = lock.held();
                let again = held.is_some_and(|held| held.id == wanted.id);
                let broken = |held: &&HeldLock| wanted.instead_of.as_ref() == Some(&held.id);
                if let Some(held) = held.filter(|held| !again && !broken(held)) {
                    return Err(held_by(held));
                }
                lock.token += u64::from(!again);
                lock.held = Some(HeldLock {
                    id: wanted.id.clone(),
                    token: lock.token,
                    holder: wanted.holder.clone(),
                    expires: lock.now() + LOCK_LASTS,
                });
            }
            LockRequest::Renew { fence } => {
                lock.check(Some(fence))?;
                lock.renew();
            }
            LockRequest::Release { fence } => {
                let ours = |held: &HeldLock| (&held.id, held.token) == (&fence.id, fence.token);
                lock.held = lock.held.take().filter(|held| !ours(held));
                return Ok(None);
            }
        }
        Ok(lock.held().cloned())
    }
}
