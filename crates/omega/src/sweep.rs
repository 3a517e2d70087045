//! Removes the temporary resources that killed runs left: clusters, templates, pods.

use omega_core::{
    Context, Failure,
    run::{Leftover, Runs},
};

use crate::{clients::Clients, rollback::restore};

/// Removes the temporary resources that killed runs left on this site, and records that in their
/// journals. Take the lock before.
///
/// # Errors
///
/// Fails if a journal can't be read. If a resource can't be removed, its own result has the failure.
pub async fn sweep(
    runs: &Runs,
    ctx: &Context,
    clients: &Clients,
) -> Result<Vec<(Leftover, Result<bool, Failure>)>, Failure> {
    runs.sweep(ctx, &clients.endpoints(), |step, undo| restore(&step.target, undo, clients)).await
}
