//! Helm releases, read without helm.

mod decode;
mod read_releases;
mod release;

pub use read_releases::{Releases, read_releases};
pub use release::{Release, ReleaseStatus, UnreadableRelease};
