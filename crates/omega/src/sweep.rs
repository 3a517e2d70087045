//! Removes the temporary resources that killed runs left: clusters, templates, pods.

use std::collections::BTreeMap;

use omega_core::{
    Context, Failure,
    run::{Leftover, Runs, different_site},
};

use crate::{
    clients::{Connect, Part, PartialClients},
    rollback::restore,
};

/// Each thing that was left, with whether anything had to be removed, or why it could not be.
pub type Swept = Vec<(Leftover, Result<bool, Failure>)>;

/// Returns what [`sweep()`] would remove.
///
/// # Errors
///
/// Fails if a journal can't be read.
pub fn left_here(runs: &Runs, clients: &PartialClients) -> Result<Vec<Leftover>, Failure> {
    let here = clients.endpoints();
    let removed = |one: &Leftover| {
        different_site(&one.run.endpoints, &here).is_none()
            && !matches!(restore(&one.step, &one.undo, clients), Ok(None))
    };
    Ok(runs.leftovers()?.into_iter().filter(removed).collect())
}

/// Returns what [`sweep_site`] would remove, as far as the site's cloud tells. No unit is contacted.
///
/// # Errors
///
/// Fails if a journal can't be read.
pub async fn left_on_site(runs: &Runs, connect: &Connect<'_>) -> Result<Vec<Leftover>, Failure> {
    let here = connect.known_cloud().await.endpoints();
    let is_here = |one: &Leftover| different_site(&one.run.endpoints, &here).is_none();
    Ok(runs.leftovers()?.into_iter().filter(is_here).collect())
}

/// Removes what killed runs left on this site, as their journals say, and records that it is gone.
/// Take the lock before. What is of a part that `clients` lack stays.
///
/// # Errors
///
/// Fails if a journal can't be read. What could not be removed is reported beside it.
pub async fn sweep(runs: &Runs, ctx: &Context, clients: &PartialClients) -> Result<Swept, Failure> {
    runs.sweep(ctx, &clients.endpoints(), |step, undo| restore(step, undo, clients)).await
}

/// The same, with connections to the parts of the site that something was left on, and to no other.
/// `only`: these units, or all.
///
/// # Errors
///
/// As [`sweep()`]. That the site file does not name a part is reported beside what was left there.
pub async fn sweep_site(
    runs: &Runs,
    ctx: &Context,
    connect: &Connect<'_>,
    only: &[String],
) -> Result<Swept, Failure> {
    let left = runs.leftovers()?;
    let mut clients = connect.known_cloud().await;
    let mut unconnected = BTreeMap::new();
    for part in Part::ALL {
        let here = clients.endpoints();
        let is_here = |one: &&Leftover| different_site(&one.run.endpoints, &here).is_none();
        let mut used = left.iter().filter(is_here).map(|one| Part::needed(&one.undo.kind));
        if used.any(|used| used.contains(&part)) {
            match connect.add(part, only, clients.clone()).await {
                Ok(connected) => clients = connected,
                Err(failure) => drop(unconnected.insert(part, failure)),
            }
        }
    }
    let missing = |kind: &str| Part::needed(kind).iter().find_map(|part| unconnected.get(part));
    let restore = |step: &_, undo: &omega_core::Undo| match missing(&undo.kind) {
        Some(failure) => Err(failure.clone()),
        None => restore(step, undo, &clients),
    };
    runs.sweep(ctx, &clients.endpoints(), restore).await
}
