//! The configuration of a cloud: clouds.yaml, OS_* variables, an openrc file.

mod config;
mod document;
mod entry;
mod error;
mod keys;
mod load;
mod openrc;
mod resolve;
mod values;

pub use config::{
    ApplicationCredentialRef, AuthScope, CloudConfig, Credential, DomainRef, Interface,
    InvalidInterface, Origin, ProjectRef, UserRef,
};
pub use error::ConfigError;
pub(crate) use load::ENVIRONMENT;
pub use load::Lookup;

#[cfg(test)]
mod field_tests;
#[cfg(test)]
mod tests;
