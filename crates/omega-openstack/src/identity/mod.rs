//! Keystone.

mod application_credential;
mod client;
mod load_balancer_role;
mod trustee_domain;
mod unrestricted_credential;
mod wire;

pub use application_credential::{
    AcceptedCredential, CredentialStatus, application_credentials_of, check_application_credential,
};
pub use client::Identity;
pub use load_balancer_role::LoadBalancerRole;
pub use trustee_domain::TrusteeDomain;
pub use unrestricted_credential::UnrestrictedCredential;

#[cfg(test)]
mod tests;
