use std::{fmt, sync::Arc};

use omega_core::values::{FileMode, Secret, Sha256};
use serde::{Deserialize, Serialize};

use super::{FileFacts, ServiceName, UnitPath};

/// One write to a unit's machine. It is sent once, and the agent verifies its result.
///
/// Files that are replaced or removed are first stored by digest in `/var/lib/omega/before`, and
/// replaced distributions as wheels in `/var/lib/omega/wheels`; both belong to root and are 0700.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Action {
    /// A write to a file, a link or a directory.
    File(FileAction),
    /// A change to the packages of a daemon's interpreter.
    Package(PackageAction),
    /// A command to systemd.
    Service(ServiceAction),
}

/// One write to a file, a link or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum FileAction {
    /// Creates a directory, whose parent must exist, or sets owner and mode of an existing one.
    MakeDirectory {
        path: UnitPath,
        #[serde(flatten)]
        access: Access,
    },
    /// Removes an empty directory.
    RemoveDirectory { path: UnitPath },
    /// Writes the payload atomically: to a temporary file, created 0600 in the same directory. The
    /// file gets its owner and mode, is synced, checked by digest and size, and renamed; then the
    /// directory is synced.
    PlaceFile(Placement),
    /// The same with the stored before-image that has this digest.
    RestoreFile(Placement),
    /// The same with a file that the unit downloads.
    FetchFile {
        #[serde(flatten)]
        file: Placement,
        #[serde(flatten)]
        from: Download,
    },
    /// Creates a symbolic link atomically.
    MakeLink {
        path: UnitPath,
        target: String,
        /// What must be at the path when it is written.
        expect: Expect,
    },
    /// Sets owner and mode of a regular file.
    SetFileMode {
        path: UnitPath,
        #[serde(flatten)]
        access: Access,
    },
    /// Removes a file or a link, never the target of a link.
    RemoveFile {
        path: UnitPath,
        /// What must be at the path when it is removed.
        expect: Expect,
    },
}

/// A regular file to write, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The path.
    pub path: UnitPath,
    /// Its owner and mode.
    #[serde(flatten)]
    pub access: Access,
    /// Its digest.
    pub sha256: Sha256,
    /// What must be at the path when it is written.
    pub expect: Expect,
}

/// A download by the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// The URL (`https://…`, `http://…`).
    pub url: String,
    /// The digest of the download, if it is an archive (`.tar.gz`).
    pub archive_sha256: Option<Sha256>,
    /// The path in the archive, if it is one (`linux-amd64/helm`).
    pub member: Option<String>,
}

/// Owner, group and permission bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// The permission bits.
    pub mode: FileMode,
}

impl Access {
    /// Returns these values.
    pub fn new(owner: &str, group: &str, mode: FileMode) -> Self {
        Self { owner: owner.to_owned(), group: group.to_owned(), mode }
    }

    /// Returns root's access with `mode`.
    pub fn root(mode: FileMode) -> Self {
        Self::new("root", "root", mode)
    }

    /// Returns the access of a file.
    pub fn of(facts: &FileFacts) -> Self {
        Self::new(&facts.owner, &facts.group, facts.mode)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}", self.owner, self.group, self.mode)
    }
}

/// What must be at a path when it is written, so that no concurrent change is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Nothing.
    Absent,
    /// A regular file with this digest.
    Sha256(Sha256),
    /// A symbolic link, which is replaced (never its target).
    Link,
}

/// One run of the pip of a daemon's interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum PackageAction {
    /// Installs one version of a distribution, without dependencies. The replaced version is stored
    /// as a wheel.
    PipInstall {
        service: ServiceName,
        distribution: String,
        version: String,
        source: PipSource,
        /// Whether to pass `--break-system-packages`. An externally managed interpreter needs it; pip
        /// before 23.0.1 does not know it.
        break_system_packages: bool,
    },
    /// Uninstalls a distribution. It is stored as a wheel.
    PipUninstall {
        service: ServiceName,
        distribution: String,
        /// Whether to pass `--break-system-packages`.
        break_system_packages: bool,
    },
}

/// From where pip installs a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipSource {
    /// A package index.
    Index {
        /// Its URL; `None` for the index that pip on the unit is configured to use.
        url: Option<String>,
    },
    /// The wheel in the payload.
    Wheel {
        /// Its file name (`magnum_capi_helm-1.4.0-py3-none-any.whl`).
        file_name: String,
        /// Its digest.
        sha256: Sha256,
    },
    /// The wheel that was stored on the unit when this version was replaced.
    Kept,
}

/// One command to systemd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceAction {
    /// `systemctl daemon-reload`.
    ReloadUnits,
    /// `systemctl restart`. It succeeds when the daemon is stable, and fails with its last log lines.
    RestartService {
        /// The service.
        service: ServiceName,
    },
}

impl From<FileAction> for Action {
    fn from(action: FileAction) -> Self {
        Self::File(action)
    }
}

impl From<PackageAction> for Action {
    fn from(action: PackageAction) -> Self {
        Self::Package(action)
    }
}

impl From<ServiceAction> for Action {
    fn from(action: ServiceAction) -> Self {
        Self::Service(action)
    }
}

/// The action for a trace, without content or secrets.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(action) => match action {
                FileAction::MakeDirectory { path, .. } => write!(f, "make_directory {path}"),
                FileAction::RemoveDirectory { path } => write!(f, "remove_directory {path}"),
                FileAction::PlaceFile(file) => write!(f, "place_file {}", file.path),
                FileAction::RestoreFile(file) => write!(f, "restore_file {}", file.path),
                FileAction::FetchFile { file, .. } => write!(f, "fetch_file {}", file.path),
                FileAction::MakeLink { path, .. } => write!(f, "make_link {path}"),
                FileAction::SetFileMode { path, .. } => write!(f, "set_file_mode {path}"),
                FileAction::RemoveFile { path, .. } => write!(f, "remove_file {path}"),
            },
            Self::Package(PackageAction::PipInstall { distribution, version, .. }) => {
                write!(f, "pip_install {distribution} {version}")
            }
            Self::Package(PackageAction::PipUninstall { distribution, .. }) => {
                write!(f, "pip_uninstall {distribution}")
            }
            Self::Service(ServiceAction::ReloadUnits) => f.write_str("reload_units"),
            Self::Service(ServiceAction::RestartService { service }) => {
                write!(f, "restart_service {service}")
            }
        }
    }
}

/// The standard input of an action. Clones share the bytes.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing.
    Null,
    /// The bytes. The agent checks their digest before it uses them.
    Bytes(Arc<Secret>),
}

impl From<Secret> for Payload {
    fn from(bytes: Secret) -> Self {
        Self::Bytes(Arc::new(bytes))
    }
}
