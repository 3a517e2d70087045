//! Keystone.

mod client;
mod trustee_domain;
mod wire;

pub use client::Identity;
pub use trustee_domain::TrusteeDomain;

#[cfg(all(test, feature = "sim"))]
mod tests;
