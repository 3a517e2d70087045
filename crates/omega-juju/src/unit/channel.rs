use std::fmt;

use async_trait::async_trait;

use omega_core::run::HeldLock;

use super::{Action, Fence, LockRequest, Payload, Probe, Reply};
use crate::Error;

/// A connection to a unit's machine. Every call has a deadline.
#[async_trait]
pub trait Channel: Send + Sync + fmt::Debug {
    /// Returns how the machine is reached (`juju`, `ssh ubuntu@10.12.4.76`).
    fn name(&self) -> String;

    /// Sends all of `probes` in one remote execution, and returns the replies in the same order. It
    /// MUST NOT write.
    ///
    /// # Errors
    ///
    /// Fails if the machine did not answer. A single probe that failed is a [`Reply::Failed`].
    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error>;

    /// Performs one action, once. With `fence`, it is refused unless that lock is held, and without, if any
    /// is; the check and the action are one for whoever wants the lock.
    ///
    /// # Errors
    ///
    /// [`Diagnostic::touched`](omega_core::Diagnostic::touched) of the error says whether it may have
    /// had an effect.
    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error>;

    /// Sends one request about the lock of the machine. Returns the lock, if it is held then.
    ///
    /// # Errors
    ///
    /// [`FailureCode::Held`](crate::FailureCode::Held) and [`Fenced`](crate::FailureCode::Fenced) tell that
    /// another has it.
    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error>;
}
