//! Pins the driver in the interpreter that the conductor runs on.

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    Subject, ensure,
};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{Action, Error, Interpreter, Payload, PipSource, ServiceName, Unit};

/// Ensures that the daemon's interpreter imports exactly this version of the driver, and that its
/// entry point is there.
///
/// Dependencies are never touched: since 1.1.0 the driver requires nothing that Magnum does not
/// bring. The wheel of the version that is replaced is kept on the unit, so that the way back
/// needs no index.
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

/// The driver's version on a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinDriver {
    /// The daemon whose interpreter is meant.
    pub daemon: ServiceName,
    /// What it should import.
    pub wanted: DriverWanted,
    /// Whether the kubeconfig authenticates by a token, which the driver can from 1.3.0 on.
    pub token: bool,
}

/// Which driver a daemon should import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverWanted {
    /// Exactly this version.
    Version {
        /// The version.
        version: Version,
        /// Where pip takes it from.
        from: PipSource,
    },
    /// None.
    Absent,
}

/// What was observed: `None` where the unit does not have the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverObserved(pub Option<Interpreter>);

/// One run of pip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverChange {
    /// The daemon whose interpreter is meant.
    pub daemon: ServiceName,
    /// The version that is replaced or removed.
    pub was: Option<String>,
    /// What will be there.
    pub wanted: DriverWanted,
    /// Whether pip is told `--break-system-packages`.
    pub break_system_packages: bool,
}

impl PinDriver {
    /// Returns the fact that the conductor imports `version`.
    pub fn new(version: Version, from: PipSource) -> Self {
        let wanted = DriverWanted::Version { version, from };
        Self { daemon: magnum::conductor(), wanted, token: false }
    }

    /// Says that the kubeconfig authenticates by a token.
    #[must_use]
    pub fn with_token(self, token: bool) -> Self {
        Self { token, ..self }
    }

    fn interpreter<'a>(&self, seen: &'a DriverObserved) -> Result<&'a Interpreter, Conflict> {
        seen.0.as_ref().ok_or_else(|| {
            Conflict::new(
                format!("this unit has no {}", self.daemon),
                "check the unit's name: the driver belongs where the conductor runs",
            )
        })
    }

    fn fits(&self, version: &Version, python: &Interpreter) -> Result<(), Conflict> {
        if self.token && *version < release([1, 3, 0]) {
            let next = "take a kubeconfig with a client certificate, or driver 1.3.0 or newer";
            return Err(Conflict::new(
                format!("{} {version} can't authenticate by a token", magnum::DRIVER),
                next,
            ));
        }
        let floor = release([3, 10]);
        let old = python.version.parse::<Version>().is_ok_and(|version| version < floor);
        if old && *version >= release([1, 4, 0]) {
            let next = "upgrade the unit's base to Ubuntu 22.04 or newer";
            let why = format!("{} {version} needs Python 3.10 or newer", magnum::DRIVER);
            return Err(Conflict::new(why, next).seen("3.10", python.version.clone()));
        }
        Ok(())
    }
}

fn release<const N: usize>(release: [u64; N]) -> Version {
    Version::new(release)
}

/// Returns whether pip needs its switch, or why it can't be used.
fn switch(python: &Interpreter) -> Result<bool, Conflict> {
    let Some(pip) = &python.pip else {
        let why = format!("{} has no pip", python.program);
        return Err(Conflict::new(why, "install it on the unit: apt-get install python3-pip"));
    };
    let knows = pip.parse::<Version>().is_ok_and(|pip| pip >= release([23, 0, 1]));
    if python.externally_managed && !knows {
        let why = format!(
            "{} is marked externally managed, and its pip does not know the switch for that \
             (--break-system-packages)",
            python.program
        );
        let next = "upgrade pip from the distribution: apt-get install --only-upgrade python3-pip";
        return Err(Conflict::new(why, next).seen("pip 23.0.1 or newer", format!("pip {pip}")));
    }
    Ok(python.externally_managed)
}

impl Desired for PinDriver {
    const KIND: &'static str = "juju.driver.v1";
    type Target = Unit;
    type Observed = DriverObserved;
    type Change = DriverChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("package", magnum::DRIVER)
    }

    fn key(&self) -> String {
        self.daemon.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<DriverObserved, Error> {
        unit.python(&self.daemon, magnum::DRIVER, magnum::DRIVERS_GROUP).await.map(DriverObserved)
    }

    fn diff(&self, seen: &DriverObserved) -> Result<Delta<DriverChange>, Conflict> {
        let python = match (&self.wanted, &seen.0) {
            (DriverWanted::Absent, None) => return Ok(Delta::Satisfied),
            _ => self.interpreter(seen)?,
        };
        let found = python.distribution.as_ref();
        let same = match (&self.wanted, found) {
            (DriverWanted::Absent, found) => found.is_none(),
            (DriverWanted::Version { .. }, None) => false,
            (DriverWanted::Version { version, from: _ }, Some(found)) => {
                self.fits(version, python)?;
                let same = found.version.parse::<Version>().is_ok_and(|found| found == *version);
                if same && !found.entry_points.iter().any(|name| name == magnum::ENTRY_POINT) {
                    return Err(broken(&found.version, &found.location));
                }
                same
            }
        };
        if same {
            return Ok(Delta::Satisfied);
        }
        if let DriverWanted::Version { version, from: _ } = &self.wanted {
            self.fits(version, python)?;
        }
        Ok(Delta::Changes(vec![DriverChange {
            daemon: self.daemon.clone(),
            was: found.map(|found| found.version.clone()),
            wanted: self.wanted.clone(),
            break_system_packages: switch(python)?,
        }]))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &DriverChange) -> Result<(), Error> {
        let payload = match &change.wanted {
            DriverWanted::Version { version: _, from: PipSource::Wheel { file_name, sha256 } } => {
                unit.source(file_name, sha256)?
            }
            DriverWanted::Version { .. } | DriverWanted::Absent => Payload::Null,
        };
        unit.act(&change.action(), payload).await
    }

    fn undo(&self, before: &DriverObserved) -> Option<Self> {
        let wanted = match &before.0.as_ref()?.distribution {
            None => DriverWanted::Absent,
            Some(found) => DriverWanted::Version {
                version: found.version.parse().ok()?,
                from: PipSource::Kept,
            },
        };
        Some(Self { wanted, ..self.clone() })
    }

    fn notes(&self, seen: &DriverObserved, _: Timestamp) -> Vec<Note> {
        let found = seen.0.as_ref().and_then(|python| python.distribution.as_ref());
        let new = release([1, 4, 0]);
        let from_new = found
            .and_then(|found| found.version.parse::<Version>().ok())
            .is_some_and(|found| found >= new);
        match &self.wanted {
            DriverWanted::Version { version, from: _ } if *version < new => old(version, from_new),
            DriverWanted::Absent if found.is_some() => vec![Note::new(
                "without the driver Magnum can neither show nor delete the clusters it made",
            )],
            DriverWanted::Version { .. } | DriverWanted::Absent => Vec::new(),
        }
    }
}

fn broken(version: &str, location: &str) -> Conflict {
    let why = format!(
        "{} {version} is there, without its entry point {}",
        magnum::DRIVER,
        magnum::ENTRY_POINT
    );
    let next = format!("its files in {location} are damaged: pip uninstall it, and run this again");
    Conflict::new(why, next)
}

fn old(version: &Version, from_new: bool) -> Vec<Note> {
    let mut notes = vec![Note::decision(
        "D-042",
        format!(
            "{} {version} reads OpenStackCluster at v1alpha6: with CAPO 0.11 or newer, which no \
             longer serves it, every cluster is reported UNHEALTHY",
            magnum::DRIVER
        ),
    )];
    if from_new {
        notes.push(Note::new(format!(
            "{version} does not know the names that 1.4.0 gives to application credentials: those \
             of clusters made by 1.4.0 and deleted by {version} are left behind in Keystone"
        )));
    }
    notes
}

impl DriverChange {
    fn action(&self) -> Action {
        let (service, distribution) = (self.daemon.clone(), magnum::DRIVER.to_owned());
        let break_system_packages = self.break_system_packages;
        match &self.wanted {
            DriverWanted::Version { version, from } => Action::PipInstall {
                service,
                distribution,
                version: version.to_string(),
                source: from.clone(),
                break_system_packages,
            },
            DriverWanted::Absent => {
                Action::PipUninstall { service, distribution, break_system_packages }
            }
        }
    }
}

impl Describe for DriverChange {
    fn describe(&self) -> Diff {
        let managed = if self.break_system_packages { ", externally managed" } else { "" };
        let subject = Subject::new("package", magnum::DRIVER);
        let (version, from) = match &self.wanted {
            DriverWanted::Absent => {
                let was = self.was.as_deref().unwrap_or("?");
                let effect = format!("{was} is uninstalled (pip{managed}), its wheel kept");
                return Diff::new(ChangeKind::Delete, subject, effect);
            }
            DriverWanted::Version { version, from } => (version, from),
        };
        let (verb, effect) = match &self.was {
            None => (ChangeKind::Create, format!("{version} (pip{managed})")),
            Some(was) => (ChangeKind::Update, format!("{was} -> {version} (pip{managed})")),
        };
        let diff = Diff::new(verb, subject, effect).with(match from {
            PipSource::Index { url: None } => "from the index that the unit's pip uses".to_owned(),
            PipSource::Index { url: Some(url) } => format!("from the index {url}"),
            PipSource::Wheel { file_name, sha256 } => {
                format!("from {file_name}, sha256 {}…", sha256.short())
            }
            PipSource::Kept => "from the wheel that was kept on the unit".to_owned(),
        });
        diff.with("without dependencies")
    }
}

#[cfg(test)]
#[path = "pin_driver_tests.rs"]
mod tests;
