//! The site file, `omega.toml`: names, never ids. Parsing only: it opens no other file.

mod acceptance;
mod contradiction;
mod error;
mod file;
mod prove;
mod ranges;

pub use acceptance::{Acceptance, Hypervisor, Machine};
pub use error::SiteError;
pub use file::{
    Chart, Cloud, Compute, Conductor, Driver, Helm, Juju, Management, Project, Site, Ssh, SshUnit,
    Timeouts, Trust,
};
pub use prove::Prove;
pub use ranges::NetworkRanges;
