//! The undo values in journals of version 1, which are no longer written.
//!
//! In them, the state to restore was a variant of the operation's own desired state.

use omega_core::Desired;
use omega_driver::DriverRelease;
use serde::Deserialize;
use serde_json::Value;

use super::{
    DirectoryImage, EnsureHelm, Image, InjectConfigDir, PinDriver, PlaceKubeconfig,
    RemoveLeftovers, RestoreDriver, RestoreFiles, StageDropin, magnum,
};
use crate::{ServiceName, UnitPath};

/// Converts an undo value of version 1 to the kind and value of today; `None` if it is not one.
pub(super) fn undo(kind: &str, value: &Value) -> Option<(&'static str, Value)> {
    match kind {
        PlaceKubeconfig::KIND | EnsureHelm::KIND => {
            let File { path, wanted: Before { before } } = read(value)?;
            files(path, before, None)
        }
        StageDropin::KIND => {
            let File { path, wanted: Before { before } } = read(value)?;
            let directory = path.parent();
            directory_too(path, before, directory)
        }
        InjectConfigDir::KIND => {
            let ConfigDir { daemon, directory, wanted: Before { before } } = read(value)?;
            directory_too(magnum::default_file(&daemon), before, directory)
        }
        PinDriver::KIND => {
            let Driver { daemon, wanted } = read(value)?;
            let release = match wanted {
                DriverBefore::Absent => None,
                DriverBefore::Version { version, from: Kept::Kept } => Some(version),
            };
            stored(&RestoreDriver { daemon, release })
        }
        RemoveLeftovers::KIND => {
            let Leftovers { policy: Restore { restore: Files { files } } } = read(value)?;
            stored(&RestoreFiles { files, directory: None })
        }
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn files(
    path: UnitPath,
    image: Image,
    directory: Option<DirectoryImage>,
) -> Option<(&'static str, Value)> {
    stored(&RestoreFiles { files: vec![(path, image)], directory })
}

fn directory_too(
    path: UnitPath,
    before: FileAndDirectory,
    directory: UnitPath,
) -> Option<(&'static str, Value)> {
    let FileAndDirectory { image, no_directory } = before;
    let directory = no_directory.then_some(DirectoryImage { path: directory, access: None });
    files(path, image, directory)
}

fn stored<D: Desired>(desired: &D) -> Option<(&'static str, Value)> {
    Some((D::KIND, serde_json::to_value(desired).ok()?))
}

#[derive(Deserialize)]
struct Before<T> {
    before: T,
}

#[derive(Deserialize)]
struct File<T> {
    path: UnitPath,
    wanted: Before<T>,
}

#[derive(Deserialize)]
struct FileAndDirectory {
    image: Image,
    no_directory: bool,
}

#[derive(Deserialize)]
struct ConfigDir {
    daemon: ServiceName,
    directory: UnitPath,
    wanted: Before<FileAndDirectory>,
}

#[derive(Deserialize)]
struct Driver {
    daemon: ServiceName,
    wanted: DriverBefore,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DriverBefore {
    Version { version: DriverRelease, from: Kept },
    Absent,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Kept,
}

#[derive(Deserialize)]
struct Leftovers {
    policy: Restore,
}

#[derive(Deserialize)]
struct Restore {
    restore: Files,
}

#[derive(Deserialize)]
struct Files {
    files: Vec<(UnitPath, Image)>,
}
