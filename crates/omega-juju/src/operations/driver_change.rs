//! A change to the driver's package.

use omega_core::{ChangeKind, Conflict, Describe, Diff, Subject};
use omega_driver::{DriverRelease, requirements::DISTRIBUTION};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::DriverObserved;
use crate::{Interpreter, PackageAction, PipSource, ServiceName};

/// One run of pip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverChange {
    /// The action.
    pub action: PackageAction,
    /// The version that is replaced or removed.
    pub was: Option<String>,
}

impl DriverChange {
    /// Returns the change that installs `release`.
    ///
    /// # Errors
    ///
    /// Refuses an interpreter that is too old, or whose pip can't be used.
    pub(super) fn install(
        daemon: &ServiceName,
        release: &DriverRelease,
        source: PipSource,
        seen: &DriverObserved,
    ) -> Result<Self, Conflict> {
        let python = seen.interpreter(daemon)?;
        refuse_old_python(release, python)?;
        let action = PackageAction::PipInstall {
            service: daemon.clone(),
            distribution: DISTRIBUTION.to_owned(),
            version: release.to_string(),
            source,
            break_system_packages: break_system_packages(python)?,
        };
        Ok(Self { action, was: seen.distribution().map(|found| found.version.clone()) })
    }

    /// Returns the change that uninstalls the driver.
    ///
    /// # Errors
    ///
    /// Refuses an interpreter whose pip can't be used.
    pub(super) fn uninstall(daemon: &ServiceName, seen: &DriverObserved) -> Result<Self, Conflict> {
        let action = PackageAction::PipUninstall {
            service: daemon.clone(),
            distribution: DISTRIBUTION.to_owned(),
            break_system_packages: break_system_packages(seen.interpreter(daemon)?)?,
        };
        Ok(Self { action, was: seen.distribution().map(|found| found.version.clone()) })
    }
}

pub(super) fn refuse_old_python(
    release: &DriverRelease,
    python: &Interpreter,
) -> Result<(), Conflict> {
    let floor = release.python_floor();
    if python.version.parse::<Version>().is_ok_and(|version| version < floor) {
        let next = "upgrade the unit's base to Ubuntu 22.04 or newer";
        let why = format!("{DISTRIBUTION} {release} needs Python {floor} or newer");
        return Err(Conflict::new(why, next).seen(floor.to_string(), python.version.clone()));
    }
    Ok(())
}

/// Returns whether pip needs `--break-system-packages`, or why it can't be used.
fn break_system_packages(python: &Interpreter) -> Result<bool, Conflict> {
    let Some(pip) = &python.pip else {
        let why = format!("{} has no pip", python.program);
        return Err(Conflict::new(why, "install it on the unit: apt-get install python3-pip"));
    };
    let knows = pip.parse::<Version>().is_ok_and(|pip| pip >= Version::new([23, 0, 1]));
    if python.externally_managed && !knows {
        let why = format!(
            "{} is externally managed, and its pip does not know --break-system-packages",
            python.program
        );
        let next = "upgrade pip from the distribution: apt-get install --only-upgrade python3-pip";
        return Err(Conflict::new(why, next).seen("pip 23.0.1 or newer", format!("pip {pip}")));
    }
    Ok(python.externally_managed)
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
                Diff::new(verb, subject, effect).with(origin(source)).with("without dependencies")
            }
            PackageAction::PipUninstall { break_system_packages, .. } => {
                let was = self.was.as_deref().unwrap_or("?");
                let managed = managed(*break_system_packages);
                let effect = format!("{was} is uninstalled (pip{managed}), its wheel is stored");
                Diff::new(ChangeKind::Delete, subject, effect)
            }
        }
    }
}

fn managed(break_system_packages: bool) -> &'static str {
    if break_system_packages { ", externally managed" } else { "" }
}

fn origin(source: &PipSource) -> String {
    match source {
        PipSource::Index { url: None } => "from the index that pip on the unit uses".to_owned(),
        PipSource::Index { url: Some(url) } => format!("from the index {url}"),
        PipSource::Wheel { file_name, sha256 } => {
            format!("from {file_name}, sha256 {}…", sha256.short())
        }
        PipSource::Kept => "from the wheel that is stored on the unit".to_owned(),
    }
}
