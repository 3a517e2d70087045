//! The site file, `omega.toml`: names, never ids.

mod contradiction;
mod error;
mod file;

pub(crate) use error::SiteError;
pub(crate) use file::{Project, Prove, Site, SshUnit, Trust};
