//! The drivers that Magnum finds, and what a daemon did since its start.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BrokenMetadata, FailureCode};

/// The drivers that Magnum finds in a daemon's interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriversState {
    /// In the order in which Magnum loads them: of two for the same kind of cluster it uses the last.
    pub drivers: Vec<DriverState>,
    /// Metadata on the interpreter's path that can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenMetadata>,
    /// `[drivers] disabled_drivers`.
    #[serde(default)]
    pub disabled: Vec<String>,
    /// The file that sets it, if one does.
    #[serde(default)]
    pub disabled_in: Option<String>,
    /// `[drivers] enabled_beta_drivers`.
    #[serde(default)]
    pub enabled_beta: Vec<String>,
    /// What the import depended on, if every driver could be imported and nothing changed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<ImportInputs>,
    /// The time of the import, if it was not made now, and nothing that it depended on has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_at: Option<Timestamp>,
}

/// What an import of the drivers depended on: the interpreter, its user and environment, the daemon's
/// arguments, and every file and directory that was read. The unit gives it and compares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportInputs {
    /// The paths, packed.
    pub paths: String,
    /// A digest of the state of all of it.
    pub state: String,
}

/// An entry point of a driver, and what came of importing it as the daemon does. A disabled one is
/// not imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverState {
    /// The entry point's name (`k8s_capi_helm_v1`).
    pub name: String,
    /// What it names (`magnum_capi_helm.driver:Driver`).
    pub module: String,
    /// Its distribution, if Python tells.
    pub distribution: Option<String>,
    /// The distribution's version.
    pub version: Option<String>,
    /// The distribution's metadata.
    pub path: Option<String>,
    /// The kinds of clusters that it is for: `SERVER_TYPE/OS/COE` (`vm/ubuntu/kubernetes`).
    pub provides: Vec<String>,
    /// Whether it calls itself beta: then it must be in `enabled_beta_drivers`.
    #[serde(default)]
    pub beta: bool,
    /// Why it could not be imported.
    pub error: Option<String>,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

/// Two looks at a service's main process, two seconds apart, and what it logged since its start. It
/// differs each time: no plan may hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SinceStart {
    /// The unit's clock at the first look, in nanoseconds since the epoch.
    pub now_ns: i64,
    /// When the process started that was there at the first look.
    pub started_ns: Option<i64>,
    /// Whether there was another process at the second look.
    pub replaced: bool,
    /// `NRestarts`: how often systemd has restarted it by itself since somebody last started it.
    pub restarts: u32,
    /// The number of errors since the start: lines of oslo.log with CRITICAL or ERROR, and exceptions.
    pub errors: usize,
    /// The last of them, with secrets masked.
    pub last_error: Option<String>,
}

impl DriversState {
    /// Returns the driver with this entry point.
    pub fn driver(&self, entry_point: &str) -> Option<&DriverState> {
        self.drivers.iter().find(|driver| driver.name == entry_point)
    }

    /// Returns whether Magnum does not load the driver with this entry point.
    pub fn is_disabled(&self, entry_point: &str) -> bool {
        self.disabled.iter().any(|name| name == entry_point)
    }
}

impl fmt::Display for DriverState {
    /// As in "`k8s_capi_helm_v1` of magnum-capi-helm 1.4.0 (/usr/lib/...)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(distribution) = &self.distribution {
            let version = self.version.as_deref().unwrap_or_default();
            write!(f, " of {distribution} {version}")?;
        }
        match self.path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => write!(f, " ({path})"),
            None => Ok(()),
        }
    }
}

/// A process that is younger than this, and that systemd has restarted twice, keeps restarting.
const YOUNG: i64 = 10 * 60 * 1_000_000_000;

impl SinceStart {
    /// Returns why the service keeps restarting, if it does: it was replaced between the two looks, or
    /// systemd has restarted it at least twice, the last time within ten minutes.
    pub fn keeps_restarting(&self) -> Option<String> {
        let age = self.started_ns.map(|started| self.now_ns - started);
        let seconds = age.map(|age| age / 1_000_000_000);
        let young = age.is_none_or(|age| age < YOUNG);
        let lasted = seconds.map(|s| format!(", and the process is {s} s old")).unwrap_or_default();
        match self.restarts {
            0 | 1 if self.replaced => Some("its process was replaced within 2 s".to_owned()),
            restarts @ 2.. if young || self.replaced => {
                Some(format!("systemd has restarted it {restarts} times by itself{lasted}"))
            }
            _ => None,
        }
    }
}
