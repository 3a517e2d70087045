use omega_core::values::{FileMode, Secret, Sha256};
use serde::{Deserialize, Serialize};

use super::{ServiceName, UnitPath};

/// One write to a unit's machine. Each verifies in the same breath, and is sent once.
///
/// What is replaced or removed is kept first: files by digest below `/var/lib/omega/before`, and
/// the wheel of a replaced distribution below `/var/lib/omega/wheels`; both are root's, 0700.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Makes a directory whose parent exists, or sets owner and mode of one that exists.
    MakeDirectory {
        /// The path.
        path: UnitPath,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
    },
    /// Removes an empty directory.
    RemoveDirectory {
        /// The path.
        path: UnitPath,
    },
    /// Writes the payload: to a temporary file, created 0600 in the target's own directory, whose
    /// owner and mode are then set, which is synced, checked by digest and size, and renamed; then
    /// the directory is synced.
    PlaceFile {
        /// The path.
        path: UnitPath,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
        /// The digest of the payload.
        sha256: Sha256,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// The same, with the before-image of this digest for a payload.
    RestoreFile {
        /// The path.
        path: UnitPath,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
        /// The digest of the before-image.
        sha256: Sha256,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// The same, with what the unit itself downloads from a URL, checked by digest.
    FetchFile {
        /// The path.
        path: UnitPath,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
        /// Where from (`https://…`, `http://…`).
        url: String,
        /// The digest of the download, where it is an archive (`.tar.gz`).
        archive_sha256: Option<Sha256>,
        /// The path in the archive, where it is one (`linux-amd64/helm`).
        member: Option<String>,
        /// The digest of the file that is placed.
        sha256: Sha256,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// Makes a symbolic link: under a temporary name in the same directory, then renamed.
    MakeLink {
        /// The path.
        path: UnitPath,
        /// What the link says.
        target: String,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// Sets owner and mode of a regular file.
    SetFileMode {
        /// The path.
        path: UnitPath,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: FileMode,
    },
    /// Removes a file (or a link, never what it leads to), which must have this digest.
    RemoveFile {
        /// The path.
        path: UnitPath,
        /// What must be there at the moment of the write.
        expect: Expect,
    },
    /// Installs one distribution at one version with the daemon's interpreter's pip, without
    /// dependencies. Keeps the wheel of the version it replaces.
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
    /// `systemctl daemon-reload`.
    ReloadUnits,
    /// `systemctl restart`.
    RestartService {
        /// The service.
        service: ServiceName,
    },
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

/// What a command finds on its standard input: nothing, or all of these bytes.
#[derive(Clone, Debug)]
pub enum Payload {
    /// `/dev/null`.
    Null,
    /// The bytes. They arrive whole, by digest, or nothing is done with them.
    Bytes(Secret),
}
