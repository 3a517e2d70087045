use std::collections::BTreeMap;

use omega_core::values::{FileMode, Sha256};
use serde::{Deserialize, Serialize};

use super::{FailureCode, ProbeFailure, UnitPath};
use crate::upstream_messages::{self, HelmFailure};

/// The answer to a [`Probe`](super::Probe), in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// To `File`.
    File(FileState),
    /// To `Text`. `text` is `None` unless it is a regular file of UTF-8 of at most 64 KiB.
    Text {
        /// What is there.
        state: FileState,
        /// The content.
        text: Option<String>,
    },
    /// To `Directory`: sorted names; `None` if it is not there.
    Directory {
        /// The names.
        names: Option<Vec<String>>,
    },
    /// To `Service`.
    Service(ServiceState),
    /// To `ShowArgs`: the words of the line; `None` if there is no such init script.
    ShowArgs {
        /// The words.
        args: Option<Vec<String>>,
    },
    /// To `Program`.
    Program(ProgramState),
    /// To `Python`. `None` if the unit does not have the daemon.
    Python {
        /// The interpreter.
        interpreter: Option<Interpreter>,
    },
    /// To `Distributions`.
    Distributions {
        /// Name to version.
        versions: BTreeMap<String, String>,
    },
    /// To `Options`: the effective values; a key that is set nowhere is absent.
    Options {
        /// Key to value.
        values: BTreeMap<String, String>,
    },
    /// To `Reach` and `Authenticate`.
    Reach(ReachState),
    /// To `Releases`, one for each namespace, in order.
    Releases {
        /// In the order of the namespaces.
        namespaces: Vec<ReleasesState>,
    },
    /// To `Snapshots`, one for each domain, in order.
    Snapshots {
        /// In the order of the domains.
        domains: Vec<DomainSnapshots>,
    },
    /// To `LogTail`.
    LogTail {
        /// The lines, oldest first.
        lines: Vec<String>,
    },
    /// The probe itself failed: the machine could not answer that one question.
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
        /// What it says.
        target: String,
        /// The regular file it leads to in the end, if it does.
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
        /// When an entry last came or went, in nanoseconds since the epoch.
        modified_ns: i64,
    },
    /// A device, a socket, a pipe.
    Special,
}

/// A regular file, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileFacts {
    /// The digest of the content.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// The owner's name, or its number where it has none.
    pub owner: String,
    /// The group's name, or its number where it has none.
    pub group: String,
    /// The permission bits.
    pub mode: FileMode,
    /// When the content last changed, in nanoseconds since the epoch.
    pub modified_ns: i64,
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
    /// The main process.
    pub pid: Option<u32>,
    /// When the main process started, in nanoseconds since the epoch.
    pub started_ns: Option<i64>,
    /// The command line of the main process. (No OpenStack daemon takes a secret there.)
    pub cmdline: Vec<String>,
    /// `User`.
    pub user: String,
    /// `NRestarts`: how often systemd started it again by itself.
    pub restarts: u32,
    /// `ExecStart` as systemd will run it.
    pub exec_start: String,
    /// The drop-in files that systemd applies.
    pub drop_ins: Vec<UnitPath>,
    /// `NeedDaemonReload`: its unit file or drop-ins changed since systemd read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_reload: bool,
}

/// How a program's name resolves for a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgramState {
    /// The directories that are searched, in order.
    pub path: Vec<String>,
    /// Whether they come from the running process (else from its init script).
    pub live: bool,
    /// The first match that is executable.
    pub found: Option<Resolved>,
}

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resolved {
    /// Where the search found it.
    pub path: UnitPath,
    /// The regular file behind it.
    pub real: UnitPath,
    /// That file's digest.
    pub sha256: Sha256,
}

/// A Python interpreter and a distribution in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interpreter {
    /// The program.
    pub program: UnitPath,
    /// `3.10.12`.
    pub version: String,
    /// Whether it is marked externally managed (PEP 668): pip refuses without a switch.
    pub externally_managed: bool,
    /// pip's version, if there is one.
    pub pip: Option<String>,
    /// The distribution as the daemon's user imports it.
    pub distribution: Option<Distribution>,
}

/// An installed Python distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Distribution {
    /// Its version.
    pub version: String,
    /// The directory it is in.
    pub location: String,
    /// Its entry points in the group that was asked for.
    pub entry_points: Vec<String>,
    /// When it was installed, in nanoseconds since the epoch.
    pub modified_ns: i64,
}

/// How far a connection got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReachState {
    /// TCP connected.
    pub tcp: bool,
    /// The server's certificate was verified.
    pub tls: bool,
    /// The HTTP status that came back.
    pub status: Option<u16>,
    /// The version that the server says it has (`v1.34.4`).
    pub version: Option<String>,
    /// Milliseconds until the answer, or until it failed.
    pub millis: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// What kind of failure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

/// What `virsh snapshot-list` said of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSnapshots {
    /// The domain.
    pub domain: String,
    /// The names of its snapshots; `None` if virsh failed.
    pub snapshots: Option<Vec<String>>,
    /// What virsh wrote to standard error, at most 1 KiB, if it failed.
    pub error: Option<String>,
}

/// What `helm list` said of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReleasesState {
    /// The namespace.
    pub namespace: String,
    /// Release name and status; `None` if helm failed.
    pub releases: Option<BTreeMap<String, String>>,
    /// What helm wrote to standard error, at most 1 KiB, if it failed.
    pub error: Option<String>,
    /// What kind of failure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

impl ServiceState {
    /// Returns whether systemd starts the service by its init script, or does not know how.
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
            Some(_) | None => upstream_messages::helm(self.words()),
        })
    }

    /// Returns helm's own words, if it failed.
    pub fn words(&self) -> &str {
        self.error.as_deref().unwrap_or_default().trim()
    }
}
