//! Pins the driver in the interpreter that the conductor runs on.

use jiff::Timestamp;
use omega_core::{Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure};
use omega_driver::{DriverRelease, requirements::DISTRIBUTION};
use serde::{Deserialize, Serialize};

use super::{
    DriverChange, DriverObserved, RestoreDriver, driver_change::old_python,
    driver_observed::old_release, magnum,
};
use crate::{Error, Payload, PipSource, ServiceName, Unit};

/// Ensures that the daemon's interpreter imports exactly this release of the driver, and that its
/// entry point is there.
///
/// Dependencies are never touched: since 1.1.0 the driver requires nothing that Magnum does not
/// bring. The wheel of the version that is replaced is kept on the unit, so that undoing it needs
/// no index.
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
/// whose pip is too old to be told so.
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
    /// The daemon whose interpreter is meant.
    pub daemon: ServiceName,
    /// What it should import.
    pub release: DriverRelease,
    /// Where pip takes it from.
    pub from: PipSource,
    /// Whether the kubeconfig authenticates by a token, which the driver can from 1.3.0 on.
    pub token: bool,
}

impl PinDriver {
    /// Returns the fact that the conductor imports `release`.
    pub fn new(release: DriverRelease, from: PipSource) -> Self {
        Self { daemon: magnum::conductor(), release, from, token: false }
    }

    /// Says whether the kubeconfig authenticates by a token.
    #[must_use]
    pub fn with_token(self, token: bool) -> Self {
        Self { token, ..self }
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
        unit.python(&self.daemon).await.map(DriverObserved)
    }

    fn diff(&self, seen: &DriverObserved) -> Result<Delta<DriverChange>, Conflict> {
        let Self { daemon, release, from, token } = self;
        let python = seen.interpreter(daemon)?;
        if *token && !release.takes_tokens() {
            let next = "take a kubeconfig with a client certificate, or driver 1.3.0 or newer";
            let why = format!("{DISTRIBUTION} {release} can't authenticate by a token");
            return Err(Conflict::new(why, next));
        }
        old_python(release, python)?;
        if seen.is(release)? {
            return Ok(Delta::Satisfied);
        }
        let change = DriverChange::install(daemon, release, from.clone(), seen)?;
        Ok(Delta::Changes(vec![change]))
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

    fn notes(&self, seen: &DriverObserved, _: Timestamp) -> Vec<Note> {
        old_release(&self.release, seen.release().as_ref())
    }
}

#[cfg(test)]
#[path = "pin_driver_tests.rs"]
mod tests;
