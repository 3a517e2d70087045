//! The observed package of the driver.

use omega_core::{Conflict, Delta, Note};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};
use serde::{Deserialize, Serialize};

use super::obstacle;
use crate::{Distribution, Error, Interpreter, Obstacle, ServiceName, Unit};

/// The interpreter with the driver; `None` if the unit does not have the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverObserved(pub Option<Interpreter>);

impl DriverObserved {
    /// Returns the driver's distribution, if it is installed.
    pub fn distribution(&self) -> Option<&Distribution> {
        self.0.as_ref()?.distribution.as_ref()
    }

    /// Returns the installed release, if there is one and its version is valid.
    pub fn release(&self) -> Option<DriverRelease> {
        self.distribution()?.version.parse().ok()
    }

    /// Returns it with what would stop pip, if there is something to change.
    pub(super) async fn with_obstacle<C>(
        &self,
        unit: &Unit,
        delta: &Result<Delta<C>, Conflict>,
    ) -> Result<Self, Error> {
        let Some(python) = &self.0 else { return Ok(self.clone()) };
        let obstacle = obstacle::of_pip(unit, delta, python).await?;
        Ok(Self(Some(Interpreter { obstacle, ..python.clone() })))
    }

    pub(super) fn obstacle(&self) -> Option<&Obstacle> {
        self.0.as_ref()?.obstacle.as_ref()
    }

    pub(super) fn interpreter(&self, daemon: &ServiceName) -> Result<&Interpreter, Conflict> {
        self.0.as_ref().ok_or_else(|| {
            Conflict::new(
                format!("this unit has no {daemon}"),
                "check the unit's name: the driver must be installed where the conductor runs",
            )
        })
    }

    /// Refuses metadata that can't be read, and more than one distribution of the driver's name:
    /// which files are imported does not follow from the metadata then, and pip uninstalls only one.
    fn refuse_copies(&self) -> Result<(), Conflict> {
        let Some(python) = &self.0 else { return Ok(()) };
        if let Some(broken) = python.broken.first() {
            let why = format!("{}: {}", broken.path, broken.why);
            let next =
                format!("it is left over, or damaged: remove {}, then run this again", broken.path);
            return Err(Conflict::new(why, next));
        }
        if python.others.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = self.copies().map(copy).collect();
        let why = format!("{DISTRIBUTION} is installed {} times", all.len());
        let next = format!(
            "run {} -m pip uninstall {DISTRIBUTION} until it is not installed, and remove metadata that is \
             left over; then run this again",
            python.program
        );
        Err(Conflict::new(why, next).seen("one distribution of that name", all.join(", ")))
    }

    /// Returns every distribution of the driver's name, in the order in which Python finds them.
    pub fn copies(&self) -> impl Iterator<Item = &Distribution> {
        let python = self.0.iter();
        python.flat_map(|python| python.distribution.iter().chain(&python.others))
    }

    /// Returns whether `release` is installed.
    ///
    /// # Errors
    ///
    /// Refuses a distribution without its entry point, more than one distribution, and metadata that
    /// can't be read.
    pub(super) fn is(&self, release: &DriverRelease) -> Result<bool, Conflict> {
        self.refuse_copies()?;
        let Some(found) = self.distribution().filter(|_| self.release().as_ref() == Some(release))
        else {
            return Ok(false);
        };
        if found.entry_points.iter().any(|name| name == ENTRY_POINT) {
            return Ok(true);
        }
        let why = format!(
            "{DISTRIBUTION} {} is installed without its entry point {ENTRY_POINT}",
            found.version
        );
        let next = format!(
            "its files in {} are damaged: uninstall it with pip, then run this again",
            found.location
        );
        Err(Conflict::new(why, next))
    }
}

/// Names a distribution with its path.
fn copy(found: &Distribution) -> String {
    let path = if found.path.is_empty() { &found.location } else { &found.path };
    format!("{} ({path})", found.version)
}

/// Returns notes for the operator about a driver before 1.4.0 that replaces `found`.
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
            "{release} does not know how {found} names application credentials: those of clusters \
             that {found} created and {release} deletes are left in Keystone"
        )));
    }
    notes
}
