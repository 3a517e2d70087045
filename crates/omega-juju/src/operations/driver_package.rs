//! The driver as a package of the daemon's interpreter, and what pip can do about it.

use std::fmt;

use omega_core::{ChangeKind, Conflict, Describe, Diff, Note, Subject};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::{Distribution, Interpreter, PackageAction, PipSource, ServiceName};

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

/// One run of pip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverChange {
    /// What pip does.
    pub action: PackageAction,
    /// The version that is replaced or removed.
    pub was: Option<String>,
}

impl DriverChange {
    /// Returns the change that installs `release`.
    ///
    /// # Errors
    ///
    /// Refuses a Python that is too old for it, and a pip that can't be used.
    pub(super) fn install(
        daemon: &ServiceName,
        release: &DriverRelease,
        source: PipSource,
        seen: &DriverObserved,
    ) -> Result<Self, Conflict> {
        let python = seen.interpreter(daemon)?;
        old_python(release, python)?;
        let action = PackageAction::PipInstall {
            service: daemon.clone(),
            distribution: DISTRIBUTION.to_owned(),
            version: release.to_string(),
            source,
            break_system_packages: switch(python)?,
        };
        Ok(Self { action, was: seen.distribution().map(|found| found.version.clone()) })
    }

    /// Returns the change that uninstalls the driver.
    ///
    /// # Errors
    ///
    /// Refuses a pip that can't be used.
    pub(super) fn uninstall(daemon: &ServiceName, seen: &DriverObserved) -> Result<Self, Conflict> {
        let action = PackageAction::PipUninstall {
            service: daemon.clone(),
            distribution: DISTRIBUTION.to_owned(),
            break_system_packages: switch(seen.interpreter(daemon)?)?,
        };
        Ok(Self { action, was: seen.distribution().map(|found| found.version.clone()) })
    }
}

pub(super) fn old_python(release: &DriverRelease, python: &Interpreter) -> Result<(), Conflict> {
    let floor = release.python_floor();
    if python.version.parse::<Version>().is_ok_and(|version| version < floor) {
        let next = "upgrade the unit's base to Ubuntu 22.04 or newer";
        let why = format!("{DISTRIBUTION} {release} needs Python {floor} or newer");
        return Err(Conflict::new(why, next).seen(floor.to_string(), python.version.clone()));
    }
    Ok(())
}

/// Returns whether pip needs its switch, or why it can't be used.
fn switch(python: &Interpreter) -> Result<bool, Conflict> {
    let Some(pip) = &python.pip else {
        let why = format!("{} has no pip", python.program);
        return Err(Conflict::new(why, "install it on the unit: apt-get install python3-pip"));
    };
    let knows = pip.parse::<Version>().is_ok_and(|pip| pip >= Version::new([23, 0, 1]));
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

impl Describe for DriverChange {
    fn describe(&self) -> Diff {
        let subject = Subject::new("package", DISTRIBUTION);
        match &self.action {
            PackageAction::PipInstall { version, source, break_system_packages, .. } => {
                let managed = managed(*break_system_packages);
                let (verb, effect) = match &self.was {
                    None => (ChangeKind::Create, format!("{version} (pip{managed})")),
                    Some(was) => (ChangeKind::Update, format!("{was} -> {version} (pip{managed})")),
                };
                Diff::new(verb, subject, effect)
                    .with(Source(source).to_string())
                    .with("without dependencies")
            }
            PackageAction::PipUninstall { break_system_packages, .. } => {
                let was = self.was.as_deref().unwrap_or("?");
                let managed = managed(*break_system_packages);
                let effect = format!("{was} is uninstalled (pip{managed}), its wheel kept");
                Diff::new(ChangeKind::Delete, subject, effect)
            }
        }
    }
}

fn managed(break_system_packages: bool) -> &'static str {
    if break_system_packages { ", externally managed" } else { "" }
}

struct Source<'a>(&'a PipSource);

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PipSource::Index { url: None } => {
                f.write_str("from the index that the unit's pip uses")
            }
            PipSource::Index { url: Some(url) } => write!(f, "from the index {url}"),
            PipSource::Wheel { file_name, sha256 } => {
                write!(f, "from {file_name}, sha256 {}…", sha256.short())
            }
            PipSource::Kept => f.write_str("from the wheel that was kept on the unit"),
        }
    }
}
