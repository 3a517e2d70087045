//! The undo values in journals of version 1, which are no longer written.
//!
//! In them, the state to restore was a variant of the operation's own desired state.

use omega_core::Desired;
use omega_driver::DriverRelease;
use serde::de::DeserializeOwned;
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
            let (path, image) = (at(value, "/path")?, at(value, "/wanted/before")?);
            stored(&RestoreFiles { files: vec![(path, image)], directory: None })
        }
        StageDropin::KIND => {
            let path: UnitPath = at(value, "/path")?;
            let directory = path.parent();
            with_directory(value, path, directory)
        }
        InjectConfigDir::KIND => {
            let daemon: ServiceName = at(value, "/daemon")?;
            with_directory(value, magnum::default_file(&daemon), at(value, "/directory")?)
        }
        PinDriver::KIND => {
            let daemon = at(value, "/daemon")?;
            let release = match value.pointer("/wanted/version") {
                None if value.pointer("/wanted")? == "absent" => None,
                Some(version) if version.pointer("/from")? == "kept" => {
                    Some(at::<DriverRelease>(version, "/version")?)
                }
                _ => return None,
            };
            stored(&RestoreDriver { daemon, release })
        }
        RemoveLeftovers::KIND => {
            let files = at(value, "/policy/restore/files")?;
            stored(&RestoreFiles { files, directory: None })
        }
        _ => None,
    }
}

fn at<T: DeserializeOwned>(value: &Value, pointer: &str) -> Option<T> {
    T::deserialize(value.pointer(pointer)?).ok()
}

fn with_directory(
    value: &Value,
    path: UnitPath,
    directory: UnitPath,
) -> Option<(&'static str, Value)> {
    let image: Image = at(value, "/wanted/before/image")?;
    let missing: bool = at(value, "/wanted/before/no_directory")?;
    let directory = missing.then_some(DirectoryImage { path: directory, access: None });
    stored(&RestoreFiles { files: vec![(path, image)], directory })
}

fn stored<D: Desired>(desired: &D) -> Option<(&'static str, Value)> {
    Some((D::KIND, serde_json::to_value(desired).ok()?))
}
