use std::{fmt, sync::Arc};

use omega_core::values::{FileMode, Secret, Sha256};
use serde::{Deserialize, Serialize};

use super::{FileFacts, ServiceName, UnitPath};

/// One write to a unit's machine. Each verifies in the same breath, and is sent once.
///
/// What is replaced or removed is kept first: files by digest below `/var/lib/omega/before`, and
/// the wheel of a replaced distribution below `/var/lib/omega/wheels`; both are root's, 0700.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Action {
    /// To a file, a link or a directory.
    File(FileAction),
    /// To the packages of a daemon's interpreter.
    Package(PackageAction),
    /// To systemd's services.
    Service(ServiceAction),
}

/// One write to a file, a link or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileAction {
    /// Makes a directory whose parent exists, or sets owner and mode of one that exists.
    MakeDirectory {
        /// The path.
        path: UnitPath,
        /// Its access.
        #[serde(flatten)]
        access: Access,
    },
    /// Removes an empty directory.
    RemoveDirectory {
        /// The path.
        path: UnitPath,
    },
    /// Writes the payload: to a temporary file, created 0600 in the target's own directory, whose
    /// owner and mode are then set, which is synced, checked by digest and size, and renamed; then
    /// the directory is synced.
    PlaceFile(Placement),
    /// The same, with the before-image of this digest for a payload.
    RestoreFile(Placement),
    /// The same, with what the unit itself downloads.
    FetchFile {
        /// Where it goes.
        #[serde(flatten)]
        file: Placement,
        /// Where it comes from.
        #[serde(flatten)]
        from: Download,
    },
    /// Makes a symbolic link: under a temporary name in the same directory, then renamed.
    MakeLink {
        /// The path.
        path: UnitPath,
        /// What the link points to.
        target: String,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// Sets owner and mode of a regular file.
    SetFileMode {
        /// The path.
        path: UnitPath,
        /// The access it will have.
        #[serde(flatten)]
        access: Access,
    },
    /// Removes a file or a link, never what a link leads to.
    RemoveFile {
        /// The path.
        path: UnitPath,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
}

/// A regular file as it will be, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The path.
    pub path: UnitPath,
    /// The access it will have.
    #[serde(flatten)]
    pub access: Access,
    /// The digest it will have.
    pub sha256: Sha256,
    /// What must be there at the moment of the write.
    pub expect: Expect,
}

/// Something that the unit downloads itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Where from (`https://…`, `http://…`).
    pub url: String,
    /// The digest of the download, where it is an archive (`.tar.gz`).
    pub archive_sha256: Option<Sha256>,
    /// The path in the archive, where it is one (`linux-amd64/helm`).
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
    /// Returns the access.
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

/// What must be at a path at the moment of a write, so that nobody's change is overwritten unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Nothing.
    Absent,
    /// A regular file with this digest.
    Sha256(Sha256),
    /// A symbolic link, which is replaced (never what it leads to).
    Link,
}

/// One run of the pip of a daemon's interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PackageAction {
    /// Installs one distribution at one version, without dependencies. Keeps the wheel of the
    /// version it replaces.
    PipInstall {
        /// The daemon whose interpreter is meant.
        service: ServiceName,
        /// The distribution.
        distribution: String,
        /// The version.
        version: String,
        /// Where from.
        source: PipSource,
        /// Whether to pass `--break-system-packages`: needed where the interpreter is marked
        /// externally managed, an error for a pip before 23.0.1.
        break_system_packages: bool,
    },
    /// Uninstalls one distribution. Keeps its wheel.
    PipUninstall {
        /// The daemon whose interpreter is meant.
        service: ServiceName,
        /// The distribution.
        distribution: String,
        /// Whether to pass `--break-system-packages`.
        break_system_packages: bool,
    },
}

/// Where pip takes a distribution from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipSource {
    /// The index that the unit's pip is configured for, or this one.
    Index {
        /// The index URL, if not the unit's own.
        url: Option<String>,
    },
    /// The wheel in the payload, with this file name and digest.
    Wheel {
        /// `magnum_capi_helm-1.4.0-py3-none-any.whl`
        file_name: String,
        /// Its digest.
        sha256: Sha256,
    },
    /// The wheel that was kept on the unit when this version was replaced.
    Kept,
}

/// One command to systemd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceAction {
    /// `systemctl daemon-reload`.
    ReloadUnits,
    /// `systemctl restart`. It ends once the daemon stays up, or with the last lines of its log.
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

/// What the action does, in the words of a trace. It holds no content and no secret.
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

/// What a command finds on its standard input: nothing, or all of these bytes. Clones share them.
#[derive(Clone, Debug)]
pub enum Payload {
    /// `/dev/null`.
    Null,
    /// The bytes. They arrive whole, by digest, or nothing is done with them.
    Bytes(Arc<Secret>),
}

impl From<Secret> for Payload {
    fn from(bytes: Secret) -> Self {
        Self::Bytes(Arc::new(bytes))
    }
}
