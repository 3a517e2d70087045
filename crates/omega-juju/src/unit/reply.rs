use std::collections::BTreeMap;

use omega_core::{
    run::HeldLock,
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{DriversState, FailureCode, ProbeFailure, SinceStart, UnitPath};
use crate::upstream_messages::{self, HelmFailure};

/// The reply to a [`Probe`](super::Probe).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// To `File`.
    File(FileState),
    /// To `Text`. `text` is `None` unless it is a regular file of at most 64 KiB in UTF-8.
    Text {
        /// What is at the path.
        state: FileState,
        /// The content.
        text: Option<String>,
    },
    /// To `Directory`.
    Directory {
        /// The names, sorted; `None` if the directory does not exist.
        names: Option<Vec<String>>,
    },
    /// To `Lock`.
    Lock {
        /// The lock, if it is held.
        held: Option<HeldLock>,
    },
    /// To `Obstacle`.
    Obstacle {
        /// What would stop it; `None` if nothing is known to.
        found: Option<Obstacle>,
    },
    /// To `Service`.
    Service(ServiceState),
    /// To `UnitFile`.
    UnitFile {
        /// The files one after the other, each below a comment with its path; secrets are masked. `None`
        /// if systemd does not know the service.
        text: Option<String>,
    },
    /// To `ShowArgs`.
    ShowArgs {
        /// The arguments; `None` if there is no init script.
        args: Option<Vec<String>>,
    },
    /// To `Program`.
    Program(ProgramState),
    /// To `HelmVersion`.
    HelmVersion {
        /// The first line; `None` if there is no helm, or it does not run.
        version: Option<String>,
    },
    /// To `Python`.
    Python {
        /// The interpreter; `None` if the unit does not have the daemon.
        interpreter: Option<Interpreter>,
    },
    /// To `Distributions`.
    Distributions(DistributionsState),
    /// To `Options`.
    Options(OptionsState),
    /// To `Drivers`.
    Drivers(DriversState),
    /// To `Drivers` with `known`: nothing of that has changed.
    DriversUnchanged,
    /// To `SinceStart`.
    SinceStart(SinceStart),
    /// To `Reach` and `Authenticate`.
    Reach(ReachState),
    /// To `Releases`.
    Releases {
        /// The namespaces, in the order of the probe.
        namespaces: Vec<ReleasesState>,
    },
    /// To `Snapshots`, one for each domain, in order.
    Snapshots {
        /// In the order of the domains.
        domains: Vec<DomainSnapshots>,
    },
    /// To `PackageIndex` and `Download`.
    Source {
        /// Why it is not to be had from the unit, if it is not.
        error: Option<String>,
    },
    /// To `LogTail`.
    LogTail {
        /// The lines, oldest first.
        lines: Vec<String>,
    },
    /// The probe failed.
    Failed(ProbeFailure),
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileState {
    /// Nothing.
    Absent,
    /// A regular file.
    Regular(FileFacts),
    /// A symbolic link.
    Link {
        /// Its target.
        target: String,
        /// The regular file to which it resolves, if it does.
        resolved: Option<FileFacts>,
    },
    /// A directory.
    Directory {
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
        /// The time when an entry was last added or removed, in nanoseconds since the epoch.
        modified_ns: i64,
    },
    /// A device, socket or pipe.
    Special,
}

/// A regular file, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileFacts {
    /// The digest of the content.
    pub sha256: Sha256,
    /// The size in bytes.
    pub size: u64,
    /// The owner's name, or the id if it has none.
    pub owner: String,
    /// The group's name, or the id if it has none.
    pub group: String,
    /// The permission bits.
    pub mode: FileMode,
    /// The time when the content last changed, in nanoseconds since the epoch.
    pub modified_ns: i64,
}

/// What would stop a write, in the words in which the write would fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Obstacle {
    /// The message.
    pub why: String,
    /// The kind of failure.
    pub code: FailureCode,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A systemd service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceState {
    /// `LoadState`: `loaded`, `not-found`, `masked`.
    pub load: String,
    /// `ActiveState`: `active`, `inactive`, `failed`, `activating`.
    pub active: String,
    /// `SubState`: `running`, `dead`, `auto-restart`.
    pub sub: String,
    /// `Result`: `success`, `exit-code`.
    pub result: String,
    /// The process id of the main process.
    pub pid: Option<u32>,
    /// The time when the main process started, in nanoseconds since the epoch.
    pub started_ns: Option<i64>,
    /// That time is computed, and differs a little from look to look: systemd's bus did not answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started_about: bool,
    /// The command line of the main process. (OpenStack daemons have no secrets there.)
    pub cmdline: Vec<String>,
    /// `User`.
    pub user: String,
    /// `Group`, or else the primary group of the user. Empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// `NRestarts`: the number of automatic restarts.
    pub restarts: u32,
    /// `ExecStart` as systemd will run it.
    pub exec_start: String,
    /// The drop-in files that systemd applies.
    pub drop_ins: Vec<UnitPath>,
    /// `NeedDaemonReload`: its unit file or drop-ins changed since systemd read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_reload: bool,
}

/// The program that a daemon finds under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgramState {
    /// The directories of PATH, in order.
    pub path: Vec<String>,
    /// Whether PATH is that of the running process (otherwise of the init script).
    pub live: bool,
    /// The first match that the daemon's user may execute.
    pub found: Option<Resolved>,
}

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resolved {
    /// Its path.
    pub path: UnitPath,
    /// The regular file to which the path resolves.
    pub real: UnitPath,
    /// The digest of that file.
    pub sha256: Sha256,
}

/// A Python interpreter and a distribution in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interpreter {
    /// The program.
    pub program: UnitPath,
    /// Its version (`3.10.12`).
    pub version: String,
    /// Whether it is marked externally managed (PEP 668): pip needs `--break-system-packages`.
    pub externally_managed: bool,
    /// The version of pip, if it is installed.
    pub pip: Option<String>,
    /// The distribution that the daemon's user imports, if it is installed.
    pub distribution: Option<Distribution>,
    /// Further distributions of that name on the interpreter's path. Which files are imported does not
    /// follow from the metadata then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Distribution>,
    /// Metadata of that name that can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenMetadata>,
    /// What would stop pip, if a package has to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

/// Metadata of a distribution that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BrokenMetadata {
    /// The directory or file.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// The distributions of a daemon's interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DistributionsState {
    /// The versions by name: of several with one name, that of the first.
    pub versions: BTreeMap<String, String>,
    /// The others of a name that there is more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherDistribution>,
    /// Those whose metadata can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenMetadata>,
}

/// A distribution of a name that there is more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherDistribution {
    /// Its name, in lower case.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its metadata.
    pub path: String,
}

/// What a daemon reads for the options that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionsState {
    /// The values of the options that are set.
    pub values: BTreeMap<String, String>,
    /// Where each of them is set, in the order of reading: the last one is in effect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Vec<OptionSource>>,
    /// Every file that was read, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// A file that sets an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionSource {
    /// The file's path, or which variable of the environment it is.
    pub file: String,
    /// The value there.
    pub value: String,
    /// The line that sets it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl OptionSource {
    /// Returns where it is: `FILE:LINE`, or the file.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

/// An installed Python distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Distribution {
    /// Its version.
    pub version: String,
    /// Its directory.
    pub location: String,
    /// Its metadata; empty in what earlier versions stored.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Its entry points in the group of the probe.
    pub entry_points: Vec<String>,
    /// The time when it was installed, in nanoseconds since the epoch.
    pub modified_ns: i64,
}

/// The result of a connection to an API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReachState {
    /// Whether there was a TCP connection.
    pub tcp: bool,
    /// Whether the server's certificate was verified.
    pub tls: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The version of the server (`v1.34.4`).
    pub version: Option<String>,
    /// The duration until the response or failure, in milliseconds.
    pub millis: u64,
    /// What failed.
    pub error: Option<String>,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

/// The result of `virsh snapshot-list` for one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSnapshots {
    /// The domain.
    pub domain: String,
    /// The names of its snapshots; `None` if virsh failed.
    pub snapshots: Option<Vec<String>>,
    /// What virsh wrote to standard error, at most 1 KiB, if it failed.
    pub error: Option<String>,
}

/// The result of `helm list` in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReleasesState {
    /// The namespace.
    pub namespace: String,
    /// The releases' status by name; `None` if helm failed.
    pub releases: Option<BTreeMap<String, String>>,
    /// The standard error of helm, at most 1 KiB, if it failed.
    pub error: Option<String>,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

impl ServiceState {
    /// Returns whether systemd starts the service with its init script, or `ExecStart` is not known.
    pub fn starts_by_init_script(&self) -> bool {
        self.exec_start.is_empty() || self.exec_start.contains("/etc/init.d/")
    }
}

impl DomainSnapshots {
    /// Returns whether libvirt has no such domain.
    pub fn is_absent(&self) -> bool {
        self.error.as_deref().is_some_and(upstream_messages::no_such_domain)
    }
}

impl ReleasesState {
    /// Returns why helm did not list the releases, if it did not.
    pub fn failure(&self) -> Option<HelmFailure> {
        self.error.as_ref()?;
        Some(match &self.code {
            Some(FailureCode::NoProgram) => HelmFailure::NotRunnable,
            Some(FailureCode::TimedOut) => HelmFailure::TimedOut,
            Some(_) | None => upstream_messages::helm(self.stderr()),
        })
    }

    /// Returns the error message of helm; empty if it did not fail.
    pub fn stderr(&self) -> &str {
        self.error.as_deref().unwrap_or_default().trim()
    }
}
