//! The desired state of one daemon.

use std::{collections::BTreeMap, fmt};

use omega_core::values::Sha256;
use omega_driver::DriverRelease;
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{FileState, ServiceName, UnitPath};

/// The desired state of one daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DaemonSpec {
    /// The service.
    pub service: ServiceName,
    /// The driver that it should have loaded; `None` for the one that is installed.
    pub driver: Option<DriverRelease>,
    /// The other files that it reads when it starts.
    pub inputs: Vec<Input>,
    /// How its live command line should name the configuration directory.
    pub flag: Flag,
    /// The values that it should read for options of `[capi_helm]`.
    pub options: BTreeMap<String, String>,
    /// The earliest time of its start, in nanoseconds since the epoch by the unit's clock. Files that
    /// were removed have no time to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_after: Option<i64>,
}

/// A file or directory that a daemon reads when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Input {
    /// The path.
    pub path: UnitPath,
    /// The reason for a restart when it changes.
    pub reason: Reason,
    /// Its state after the other steps, so that a plan made before them shows the restart.
    pub expect: InputExpect,
}

/// The expected state of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InputExpect {
    /// Unchanged.
    Any,
    /// A file with this digest.
    Digest(Sha256),
    /// Absent.
    Absent,
    /// Not the systemd drop-in of the superseded graft. Another drop-in is kept.
    NoLeftover,
}

/// How often a daemon's live command line should have `--config-dir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Any number of times.
    Any,
    /// Exactly once, also at the next start.
    Once,
    /// As often as at the next start.
    AsNextStart,
}

/// Why a daemon must be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// The driver changed after it started, or will change.
    Driver,
    /// The same for the configuration directory.
    DropIn,
    /// The same for the file that its init script sources.
    Defaults,
    /// The same for its systemd drop-ins.
    Systemd,
    /// Its command line differs from the desired one.
    CommandLine,
    /// It was started with what is being rolled back.
    #[serde(rename = "taken_back")]
    RolledBack,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRunning => "it does not run",
            Self::Driver => "the driver is newer",
            Self::DropIn => "the configuration directory is newer",
            Self::Defaults => "/etc/default is newer",
            Self::Systemd => "its systemd drop-ins are newer",
            Self::CommandLine => "its command line differs from the desired one",
            Self::RolledBack => "it was started with what is being rolled back",
        })
    }
}

impl DaemonSpec {
    /// Returns the daemon with the inputs that every Magnum daemon has.
    pub fn new(service: ServiceName, flag: Flag) -> Self {
        let input = |path, reason| Input { path, reason, expect: InputExpect::Any };
        let inputs = vec![
            input(magnum::conf_d(), Reason::DropIn),
            input(magnum::dropin(), Reason::DropIn),
            input(magnum::old_dropin(), Reason::DropIn),
            input(magnum::default_file(&service), Reason::Defaults),
            input(magnum::systemd_drop_ins(&service), Reason::Systemd),
            input(magnum::systemd_override(&service), Reason::Systemd),
        ];
        Self { service, driver: None, inputs, flag, options: BTreeMap::new(), started_after: None }
    }

    /// Sets the driver that it should have loaded, and the options that it should read.
    #[must_use]
    pub fn with_driver(self, driver: &DriverRelease, options: &BTreeMap<String, String>) -> Self {
        Self { driver: Some(driver.clone()), options: options.clone(), ..self }
    }

    /// Sets the expected state of the input at `path`.
    #[must_use]
    pub fn expecting(mut self, path: &UnitPath, expect: InputExpect) -> Self {
        for input in self.inputs.iter_mut().filter(|input| input.path == *path) {
            input.expect = expect;
        }
        self
    }
}

impl Input {
    /// Returns whether it has the expected state. `leftover`: the daemon's systemd drop-in is that of
    /// the superseded graft.
    pub(super) fn is_expected(&self, state: &FileState, leftover: bool) -> bool {
        match (self.expect, state) {
            (InputExpect::Any, _) | (InputExpect::Absent, FileState::Absent) => true,
            (InputExpect::NoLeftover, _) => !leftover,
            (InputExpect::Digest(sha256), FileState::Regular(facts)) => facts.sha256 == sha256,
            (InputExpect::Absent | InputExpect::Digest(_), _) => false,
        }
    }
}
