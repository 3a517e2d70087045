//! Keystone.

mod application_credential;
mod client;
mod trustee_domain;
mod wire;

pub use application_credential::{
    AcceptedCredential, CredentialStatus, application_credentials_of, check_application_credential,
};
pub use client::Identity;
pub use trustee_domain::TrusteeDomain;

#[cfg(test)]
mod tests;
