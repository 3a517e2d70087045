//! Restores the driver's package.

use jiff::Timestamp;
use omega_core::{Conflict, Context, Delta, Desired, Note, Subject};
use omega_driver::{DriverRelease, requirements::DISTRIBUTION};
use serde::{Deserialize, Serialize};

use super::{DriverChange, DriverObserved, driver_observed::old_release, obstacle};
use crate::{Error, Payload, PipSource, ServiceName, Unit};

/// The driver before a change: a release whose wheel is stored on the unit, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RestoreDriver {
    /// The daemon.
    pub daemon: ServiceName,
    /// The release; `None` if there was no driver.
    pub release: Option<DriverRelease>,
}

impl RestoreDriver {
    /// Returns the desired state with the observed driver; `None` if that is not known.
    pub(super) fn of(daemon: &ServiceName, before: &DriverObserved) -> Option<Self> {
        let release = match &before.0.as_ref()?.distribution {
            None => None,
            Some(found) => Some(found.version.parse().ok()?),
        };
        Some(Self { daemon: daemon.clone(), release })
    }
}

impl RestoreDriver {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &DriverObserved) -> Result<Delta<DriverChange>, Conflict> {
        let change = match (&self.release, seen.distribution()) {
            (None, None) => return Ok(Delta::Satisfied),
            (None, Some(_)) => DriverChange::uninstall(&self.daemon, seen)?,
            (Some(release), _) => {
                if seen.is(release)? {
                    return Ok(Delta::Satisfied);
                }
                DriverChange::install(&self.daemon, release, PipSource::Kept, seen)?
            }
        };
        Ok(Delta::Changes(vec![change]))
    }
}

impl Desired for RestoreDriver {
    const KIND: &'static str = "juju.restore-driver.v1";
    type Target = Unit;
    type Observed = DriverObserved;
    type Change = DriverChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("package", DISTRIBUTION)
    }

    fn key(&self) -> String {
        self.daemon.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<DriverObserved, Error> {
        let seen = DriverObserved(unit.python(&self.daemon).await?);
        seen.with_obstacle(unit, &self.wanted(&seen)).await
    }

    fn diff(&self, seen: &DriverObserved) -> Result<Delta<DriverChange>, Conflict> {
        obstacle::refuse(self.wanted(seen)?, seen.obstacle())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &DriverChange) -> Result<(), Error> {
        unit.act(&change.action.clone().into(), Payload::Null).await
    }

    fn undo(&self, before: &DriverObserved) -> Option<Self> {
        Self::of(&self.daemon, before)
    }

    fn notes(&self, seen: &DriverObserved, _: Timestamp) -> Vec<Note> {
        match &self.release {
            Some(release) => old_release(release, seen.release().as_ref()),
            None if seen.distribution().is_some() => vec![Note::new(
                "without the driver, Magnum can neither show nor delete the clusters it created",
            )],
            None => Vec::new(),
        }
    }
}
