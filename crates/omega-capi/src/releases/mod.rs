//! Helm releases, read without helm.

mod decode;
mod read_releases;
mod release;

#[cfg(feature = "sim")]
pub(crate) use decode::decode;
pub use read_releases::{Releases, read_releases};
pub use release::{Release, ReleaseStatus, UnreadableRelease};
