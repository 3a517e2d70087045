//! The driver as a package of the daemon's interpreter.

use omega_core::{Conflict, Note};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};
use serde::{Deserialize, Serialize};

use crate::{Distribution, Interpreter, ServiceName};

/// What was observed: `None` where the unit does not have the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverObserved(pub Option<Interpreter>);

impl DriverObserved {
    /// Returns the distribution, if there is one.
    pub fn distribution(&self) -> Option<&Distribution> {
        self.0.as_ref()?.distribution.as_ref()
    }

    /// Returns the release that is installed, if there is one and its version can be read.
    pub fn release(&self) -> Option<DriverRelease> {
        self.distribution()?.version.parse().ok()
    }

    pub(super) fn interpreter(&self, daemon: &ServiceName) -> Result<&Interpreter, Conflict> {
        self.0.as_ref().ok_or_else(|| {
            Conflict::new(
                format!("this unit has no {daemon}"),
                "check the unit's name: the driver belongs where the conductor runs",
            )
        })
    }

    /// Returns whether `release` is installed.
    ///
    /// # Errors
    ///
    /// Refuses one that is there without its entry point.
    pub(super) fn is(&self, release: &DriverRelease) -> Result<bool, Conflict> {
        let Some(found) = self.distribution().filter(|_| self.release().as_ref() == Some(release))
        else {
            return Ok(false);
        };
        if found.entry_points.iter().any(|name| name == ENTRY_POINT) {
            return Ok(true);
        }
        let why = format!(
            "{DISTRIBUTION} {} is there, without its entry point {ENTRY_POINT}",
            found.version
        );
        let next = format!(
            "its files in {} are damaged: pip uninstall it, and run this again",
            found.location
        );
        Err(Conflict::new(why, next))
    }
}

/// Returns what a person should know of a driver before 1.4.0 that takes the place of `found`.
pub(super) fn old_release(release: &DriverRelease, found: Option<&DriverRelease>) -> Vec<Note> {
    if *release >= DriverRelease::v1_4_0() {
        return Vec::new();
    }
    let reads = release.reads_provider_at();
    let mut notes = vec![Note::decision(
        "D-042",
        format!(
            "{DISTRIBUTION} {release} reads OpenStackCluster at {reads}: with CAPO 0.11 or newer, \
             which no longer serves it, every cluster is reported UNHEALTHY"
        ),
    )];
    if let Some(found) = found.filter(|found| release.leaves_credentials_of(found)) {
        notes.push(Note::new(format!(
            "{release} does not know the names that {found} gives to application credentials: \
             those of clusters made by {found} and deleted by {release} are left behind in Keystone"
        )));
    }
    notes
}
