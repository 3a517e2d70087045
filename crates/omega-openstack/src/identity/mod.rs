//! Keystone.

mod client;
mod trustee_domain;
mod wire;

pub use client::Identity;
pub use trustee_domain::TrusteeDomain;

#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
