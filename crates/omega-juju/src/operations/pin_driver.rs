//! Pins the driver's version in the conductor's interpreter.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, Subject, ensure,
};
use omega_driver::{DriverRelease, requirements::DISTRIBUTION};
use serde::{Deserialize, Serialize};

use super::{
    DriverChange, DriverObserved, RestoreDriver, driver_change::refuse_old_python,
    driver_observed::old_release, evidence, magnum, obstacle,
};
use crate::{Error, Payload, PipSource, ServiceName, Unit};

/// Ensures that the daemon's interpreter imports exactly this release of the driver, with its entry
/// point.
///
/// Dependencies are not changed: since 1.1.0 the driver needs nothing but what Magnum requires. The
/// replaced version is stored as a wheel on the unit, so that a rollback needs no index.
///
/// ```no_run
/// # use omega_juju::{PipSource, Unit, operations::{PinDriver, pin_driver}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let desired = PinDriver::new("1.4.0".parse()?, PipSource::Index { url: None });
/// println!("changed: {}", pin_driver(unit, &desired).await?.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a Python that is too old, a machine without pip, and an externally managed interpreter
/// whose pip does not know `--break-system-packages`.
pub async fn pin_driver(
    unit: &Unit,
    desired: &PinDriver,
) -> Result<Outcome<DriverObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The driver's release on a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PinDriver {
    /// The daemon.
    pub daemon: ServiceName,
    /// The release.
    pub release: DriverRelease,
    /// From where pip installs it.
    pub from: PipSource,
    /// Whether the kubeconfig authenticates with a token, which the driver supports since 1.3.0.
    pub token: bool,
}

impl PinDriver {
    /// Returns the desired state in which the conductor imports `release`.
    pub fn new(release: DriverRelease, from: PipSource) -> Self {
        Self { daemon: magnum::conductor(), release, from, token: false }
    }

    /// Sets whether the kubeconfig authenticates with a token.
    #[must_use]
    pub fn with_token(self, token: bool) -> Self {
        Self { token, ..self }
    }

    /// Checks that the release can authenticate as the kubeconfig does.
    ///
    /// # Errors
    ///
    /// Refuses a release that has no tokens, for a kubeconfig that has one.
    pub fn can_authenticate(&self) -> Result<(), Conflict> {
        let Self { release, token, .. } = self;
        if !*token || release.takes_tokens() {
            return Ok(());
        }
        let next = "use a kubeconfig with a client certificate, or driver 1.3.0 or newer";
        let why = format!("{DISTRIBUTION} {release} can't authenticate with a token");
        Err(Conflict::new(why, next))
    }

    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &DriverObserved) -> Result<Delta<DriverChange>, Conflict> {
        let Self { daemon, release, from, token: _ } = self;
        let python = seen.interpreter(daemon)?;
        self.can_authenticate()?;
        refuse_old_python(release, python)?;
        if seen.is(release)? {
            return Ok(Delta::Satisfied);
        }
        let change = DriverChange::install(daemon, release, from.clone(), seen)?;
        Ok(Delta::Changes(vec![change]))
    }
}

impl Desired for PinDriver {
    const KIND: &'static str = "juju.driver.v1";
    type Target = Unit;
    type Observed = DriverObserved;
    type Change = DriverChange;
    type Undo = RestoreDriver;
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
        let payload = match &self.from {
            PipSource::Wheel { file_name, sha256 } => unit.source(file_name, sha256)?,
            PipSource::Index { .. } | PipSource::Kept => Payload::Null,
        };
        unit.act(&change.action.clone().into(), payload).await
    }

    fn undo(&self, before: &DriverObserved) -> Option<RestoreDriver> {
        RestoreDriver::of(&self.daemon, before)
    }

    fn evidence(&self, seen: &DriverObserved) -> Vec<Evidence> {
        evidence::of_driver(seen)
    }

    fn notes(&self, seen: &DriverObserved, _: Timestamp) -> Vec<Note> {
        old_release(&self.release, seen.release().as_ref())
    }
}

#[cfg(test)]
#[path = "pin_driver_tests.rs"]
mod tests;
