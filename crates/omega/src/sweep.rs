//! Removing what killed runs made for themselves: throw-away clusters, templates, pods.

use omega_core::{
    Context, Failure,
    run::{Leftover, Runs},
};

use crate::{clients::Clients, rollback::restore};

/// Removes what killed runs left on this site, as their journals say, and records that it is gone.
/// Take the lock before.
///
/// # Errors
///
/// Fails if a journal can't be read. What could not be removed is told beside it.
pub async fn sweep(
    runs: &Runs,
    ctx: &Context,
    clients: &Clients,
) -> Result<Vec<(Leftover, Result<bool, Failure>)>, Failure> {
    runs.sweep(ctx, &clients.endpoints(), |step, undo| restore(&step.target, undo, clients)).await
}
