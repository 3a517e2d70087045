//! How one daemon should run: what it reads when it starts, and how that will be.

use std::{collections::BTreeMap, fmt};

use omega_core::values::Sha256;
use omega_driver::DriverRelease;
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{FileState, ServiceName, UnitPath};

/// How one daemon should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DaemonSpec {
    /// The service.
    pub service: ServiceName,
    /// The driver that it should have loaded; `None` if any will do that has been there since it
    /// started.
    pub driver: Option<DriverRelease>,
    /// What else it reads when it starts.
    pub inputs: Vec<Input>,
    /// What its live command line should carry.
    pub flag: Flag,
    /// What it should read for options of `[capi_helm]`.
    pub options: BTreeMap<String, String>,
    /// It started later than this, in nanoseconds since the epoch by the unit's clock. What was
    /// removed leaves no time on disk, but a daemon that was started with it may still hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_after: Option<i64>,
}

/// Something on disk that a daemon reads when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Input {
    /// Where.
    pub path: UnitPath,
    /// What it is to the daemon.
    pub reason: Reason,
    /// How it will be, so that a plan made before it changes already shows the restart.
    pub expect: InputExpect,
}

/// How an input will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InputExpect {
    /// As it is.
    Any,
    /// A file with this digest.
    Digest(Sha256),
    /// Not there.
    Absent,
    /// Not the systemd drop-in of the superseded graft; somebody else's stays.
    NoLeftover,
}

/// What a daemon's live command line should carry of the configuration directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Nothing is asked.
    Any,
    /// `--config-dir`, exactly once; and the next start will too.
    Once,
    /// As often as the next start will.
    AsNextStart,
}

/// Why a daemon must be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// The driver changed after it started, or is about to.
    Driver,
    /// Something in the configuration directory did.
    DropIn,
    /// The file that its init script sources did.
    Defaults,
    /// Its systemd drop-ins did.
    Systemd,
    /// Its command line is not the wanted one.
    CommandLine,
    /// It was started with what is being rolled back.
    TakenBack,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRunning => "it does not run",
            Self::Driver => "the driver is newer",
            Self::DropIn => "the configuration directory is newer",
            Self::Defaults => "/etc/default is newer",
            Self::Systemd => "its systemd drop-ins are newer",
            Self::CommandLine => "its command line is not the wanted one",
            Self::TakenBack => "it was started with what is being rolled back",
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

    /// Says which driver it should have loaded, and what it should read for options.
    #[must_use]
    pub fn with_driver(self, driver: &DriverRelease, options: &BTreeMap<String, String>) -> Self {
        Self { driver: Some(driver.clone()), options: options.clone(), ..self }
    }

    /// Says how the file at `path` will be.
    #[must_use]
    pub fn expecting(mut self, path: &UnitPath, expect: InputExpect) -> Self {
        for input in self.inputs.iter_mut().filter(|input| input.path == *path) {
            input.expect = expect;
        }
        self
    }
}

impl Input {
    /// Returns whether it is as it will be. `leftover`: the daemon's systemd drop-in is the
    /// superseded graft's.
    pub(super) fn will_be(&self, state: &FileState, leftover: bool) -> bool {
        match (self.expect, state) {
            (InputExpect::Any, _) | (InputExpect::Absent, FileState::Absent) => true,
            (InputExpect::NoLeftover, _) => !leftover,
            (InputExpect::Digest(sha256), FileState::Regular(facts)) => facts.sha256 == sha256,
            (InputExpect::Absent | InputExpect::Digest(_), _) => false,
        }
    }
}
