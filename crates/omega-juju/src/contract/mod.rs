//! Contract tests of a [`Channel`], for real units in the lab and for the simulator.

#![expect(clippy::wildcard_enum_match_arm, reason = "any other kind of reply breaks the clause")]

mod check;
mod files;
pub(crate) mod lock;
mod packages;
mod services;

pub use check::{Broken, Site, Wheel};

use crate::Channel;

/// Checks every clause, in order, and returns their names.
///
/// The machine must be a fresh one for tests: its service is restarted (once with a failure), and
/// packages are installed and uninstalled. Its state is restored, except for `/var/lib/omega`. Its lock must
/// be free.
///
/// # Errors
///
/// Fails with the first clause that does not hold.
pub async fn contract(channel: &dyn Channel, site: &Site) -> Result<Vec<&'static str>, Broken> {
    let mut held = Vec::new();
    held.extend(files::check(channel, site).await?);
    held.extend(lock::check(channel, site).await?);
    held.extend(services::check(channel, site).await?);
    held.extend(packages::check(channel, site).await?);
    Ok(held)
}
