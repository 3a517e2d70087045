//! Who holds the locks of a site's targets.

use std::sync::Arc;

use omega_core::{
    Failure, Label as _, join_at_most,
    run::{HeldLock, TargetLock},
};
use serde::Serialize;

use crate::clients::PartialClients;

/// How many targets are asked at the same time: each needs a connection or a process.
const TOGETHER: usize = 16;

/// The lock of a target.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockState {
    /// The target: a unit, or the management cluster.
    pub target: String,
    /// The lock, if it is held now.
    pub held: Option<HeldLock>,
    /// Why that could not be read.
    pub failure: Option<Failure>,
}

/// Reads who holds the lock of each unit and of the management cluster. `OpenStack`'s services have none.
pub async fn locks(clients: &PartialClients) -> Vec<LockState> {
    let units = clients.units.iter().filter_map(|unit| unit.lock());
    let all = units.chain(clients.management.iter().filter_map(|one| one.lock()));
    join_at_most(all.map(|lock| Box::pin(state(lock))).collect(), TOGETHER).await
}

async fn state(lock: Arc<dyn TargetLock>) -> LockState {
    let target = lock.place();
    match lock.held().await {
        Ok(held) => LockState { target, held, failure: None },
        Err(failure) => LockState { target, held: None, failure: Some(failure) },
    }
}

#[cfg(test)]
#[path = "locks_tests.rs"]
mod tests;
