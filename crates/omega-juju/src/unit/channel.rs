use std::fmt;

use async_trait::async_trait;

use super::{Action, Payload, Probe, Reply};
use crate::Error;

/// A way to a unit's machine. It has a deadline for everything.
#[async_trait]
pub trait Channel: Send + Sync + fmt::Debug {
    /// Returns how the machine is reached (`juju`, `ssh ubuntu@10.12.4.76`).
    fn name(&self) -> String;

    /// Asks all of `probes` in one remote execution, and answers in the same order. It MUST NOT
    /// write.
    ///
    /// # Errors
    ///
    /// Fails if the machine did not answer. A probe that failed alone is a
    /// [`Reply::Failed`].
    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error>;

    /// Performs one action, once.
    ///
    /// # Errors
    ///
    /// [`Diagnostic::touched`](omega_core::Diagnostic::touched) of the error says whether it may have
    /// had an effect.
    async fn act(&self, action: &Action, payload: Payload) -> Result<(), Error>;
}
