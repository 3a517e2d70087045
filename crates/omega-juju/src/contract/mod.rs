//! What a [`Channel`] promises, checked on any machine: a real unit of the lab over
//! each way there is to it, and the simulated one.

#![expect(clippy::wildcard_enum_match_arm, reason = "any other kind of reply breaks the clause")]

mod check;
mod files;
mod packages;
mod services;

pub use check::{Broken, Site, Wheel};

use crate::Channel;

/// Checks every clause, in order; returns their names.
///
/// The machine must be a fresh one that nobody needs: its service is restarted (once into a
/// failure) and packages come and go. It is left as it was found, save for what is kept below
/// `/var/lib/omega`.
///
/// # Errors
///
/// The first clause that does not hold.
pub async fn contract(channel: &dyn Channel, site: &Site) -> Result<Vec<&'static str>, Broken> {
    let mut held = Vec::new();
    held.extend(files::check(channel, site).await?);
    held.extend(services::check(channel, site).await?);
    held.extend(packages::check(channel, site).await?);
    Ok(held)
}
