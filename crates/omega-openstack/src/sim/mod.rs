//! A cloud in memory, behind the real clients and their JSON.
//!
//! `omega-cli rehearse` runs whole runbooks on it. Its responses are made from recordings of real
//! services (recordings/), and it shares no code with the clients beyond the seam.

mod blobs;
mod cloud;
mod cloud_balancers;
mod cloud_inventory;
mod connection;
mod credentials;
mod glance;
mod keystone;
mod magnum;
mod magnum_certificates;
mod magnum_templates;
mod neutron;
mod neutron_parts;
mod nova;
mod octavia;
mod recorded;
mod state;
mod tls_server;

pub use cloud::Cloud;
pub use glance::{GlanceBehaviour, ImportFate};
pub use magnum::Fate;
pub use octavia::FailoverFate;
pub use omega_core::testing::Fault;
pub use tls_server::{Authority, Signer};

#[cfg(test)]
mod neutron_tests;
