//! The site file, `omega.toml`: names, never ids.

mod error;
mod file;

pub(crate) use error::SiteError;
pub(crate) use file::{
    Chart, Cloud, Conductor, Driver, Helm, Juju, Management, Project, Prove, Site, Ssh, SshUnit,
    Timeouts, Trust,
};
