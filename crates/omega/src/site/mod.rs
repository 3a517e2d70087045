//! The site file, `omega.toml`: names, never ids. Parsing only: it opens no other file.

mod acceptance;
mod contradiction;
mod error;
mod file;

pub use acceptance::{Acceptance, Hypervisor, Machine};
pub use error::SiteError;
pub use file::{
    Chart, Cloud, Compute, Conductor, Driver, Helm, Juju, Management, NetworkRanges, Project,
    Prove, Site, Ssh, SshUnit, Timeouts, Trust,
};
