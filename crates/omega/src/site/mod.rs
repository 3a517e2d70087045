//! The site file, `omega.toml`: names, never ids. Only [`validate`] opens another file.

mod acceptance;
mod contradiction;
mod draft;
mod error;
mod expected;
mod file;
mod local;
mod needs;
mod places;
mod prove;
mod ranges;
mod reading;
mod ssh_address;
mod unused;
mod validate;
mod value;

pub use acceptance::{Acceptance, Hypervisor, Machine};
pub use draft::Draft;
pub use error::SiteError;
#[cfg(test)]
pub(crate) use file::good as file_tests_good;
pub use file::{
    Chart, Cloud, Compute, Conductor, Driver, Helm, Juju, Management, Project, Site, Ssh, SshUnit,
    Timeouts, Trust,
};
pub use places::{PlacedSite, SitePlaces};
pub use prove::Prove;
pub use ranges::NetworkRanges;
pub(crate) use ssh_address::SshAddress;
pub(crate) use unused::unknown_charms;
pub use validate::{Validation, validate};
