//! The management cluster of Cluster API, as magnum-capi-helm uses it.
//!
//! [`Management`] is the handle. [`served`] asks which versions of which kinds it serves,
//! [`coherence`] whether that fits driver, chart and templates, [`releases`] what helm installed,
//! and [`constellation`] whether that was tested together. [`controllers`] asks what runs there,
//! [`health`] what is the matter with a cluster that it manages, and [`workload`] looks into one.
//! [`access`] mints the driver's own kubeconfig, [`egress`] tries an address from a pod, and
//! [`stuck`] lets a cluster go whose delete does not end. [`restore`] undoes what a journal names.

pub mod access;
pub mod coherence;
mod connect_failure;
pub mod constellation;
pub mod controllers;
pub mod credentials;
pub mod egress;
mod error;
pub mod health;
mod list;
mod management;
mod namespace;
mod read_version;
pub mod releases;
pub mod restore;
mod rights;
pub mod served;
#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "a key that a JSON value lacks reads as null")]
pub mod sim;
pub mod stuck;
mod upstream_messages;
mod verb;
mod wire;
pub mod workload;

pub use connect_failure::ConnectFailure;
pub use error::Error;
pub use management::{Deadlines, Management};
pub use namespace::{InvalidNamespace, Namespace, Namespaces};
pub use read_version::ReadVersion;
pub use verb::Verb;
