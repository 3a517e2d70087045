//! One run at a time changes a target: the lock is kept at the target, so that it also holds for runs on
//! other machines.
//!
//! [`TargetLock`] is what a target offers; [`Context::lock`](crate::Context::lock) takes the locks of a run,
//! renews them while the run waits, and [`LocksHeld::release`] releases them.

mod holder;
mod take;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use holder::{HeldLock, LockHolder};
pub use take::LocksHeld;

use crate::Failure;

/// How long a lock lasts after it was taken or renewed. What decides is the clock of the target.
pub const LOCK_LASTS: Duration = Duration::from_mins(2);

/// How often a lock is renewed while its run goes on.
pub(crate) const RENEWED_EVERY: Duration = Duration::from_secs(30);

/// The lock of a target.
///
/// Each time it is taken it gets a token, a number that only grows. The implementor remembers the id and
/// the token while it holds the lock, and MUST refuse a write whose lock is no longer held, before anything
/// is changed: the holder may have slept past its expiry, and another run may have taken its place.
#[async_trait]
pub trait TargetLock: Send + Sync {
    /// Returns what it locks, as an operator names it (`magnum/0`). Locks of the same place are the same.
    fn place(&self) -> String;

    /// Takes it, unless another holds it.
    ///
    /// # Errors
    ///
    /// [`LockRefusal::Held`] tells who holds it.
    async fn acquire(&self, wanted: &LockWanted) -> Result<HeldLock, LockRefusal>;

    /// Makes it last [`LOCK_LASTS`] from now on. Nothing is sent while a write of the same run is under way
    /// that does the same.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Locked`](crate::FailureClass::Locked) if it is no longer held by this run.
    async fn renew(&self) -> Result<(), Failure>;

    /// Releases it. It is not an error if it is no longer held.
    ///
    /// # Errors
    ///
    /// Fails if that is not certain. Then it expires.
    async fn release(&self) -> Result<(), Failure>;

    /// Returns who holds it. It writes nothing.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read.
    async fn held(&self) -> Result<Option<HeldLock>, Failure>;
}

/// A lock that a run wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWanted {
    /// Its id: random, the same at all targets of the run.
    pub id: String,
    /// Who wants it.
    pub holder: LockHolder,
    /// The id of the lock whose place it takes, if that is the one that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// Why a lock was not taken.
#[derive(Clone, Debug)]
pub enum LockRefusal {
    /// Another run holds it.
    Held(Box<HeldLock>),
    /// It could not be asked for.
    Failed(Box<Failure>),
}

/// How the locks of a run are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locking {
    /// Who takes them.
    pub holder: LockHolder,
    /// The id of a lock to break: only a lock that has it is taken from its holder.
    pub break_lock: Option<String>,
}
