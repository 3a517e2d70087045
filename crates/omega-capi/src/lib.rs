//! The management cluster of Cluster API, as magnum-capi-helm uses it.
//!
//! [`Management`] is the handle. [`discover_versions`] asks it which versions of which kinds it
//! serves, [`served_versions`] also how they are defined, and [`read_releases`] what helm
//! installed; [`driver_reads`] and [`chart_emits`] know what the driver reads and what the chart
//! writes; [`check_compatibility`] compares them, and [`ServedVersionsFit`] is that comparison as a gate.
//! [`check_coherence`] asks all that there is to ask, of a cluster or of the releases' tables, and
//! [`check_constellation`] compares what is installed with what a chart was tested with.
//! [`workload`] looks into the clusters that it manages.
//! [`access`] mints the driver's own kubeconfig, and [`egress`] tries an address from a pod.

pub mod access;
mod chart_emits;
mod check_coherence;
mod check_constellation;
mod coherence;
mod compatibility;
mod contracts;
mod definition;
mod delete_unsafe;
mod dependencies;
mod discover_versions;
mod driver;
mod driver_labels;
mod driver_reads;
pub mod egress;
mod error;
mod finding;
pub mod health;
mod list;
mod management;
mod namespace;
mod offline_surface;
mod read_addons;
mod read_cluster_credentials;
mod read_controllers;
mod read_installed;
mod read_readiness;
mod read_releases;
mod read_webhooks;
mod release;
mod release_decode;
mod rights;
mod served;
mod served_versions;
mod served_versions_fit;
#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "a key that a JSON value lacks reads as null")]
pub mod sim;
pub mod stuck;
mod templates;
mod verb;
mod wire;
pub mod workload;

pub use chart_emits::{Emitted, chart_emits};
pub use check_coherence::{Setup, check_coherence};
pub use check_constellation::{
    Comparison, Constellation, ConstellationItem, Standing, check_constellation,
};
pub use coherence::{Coherence, Coherent, Refusal};
pub use compatibility::{Combination, check_compatibility};
pub use definition::{DefinedVersion, Definition};
pub use delete_unsafe::delete_unsafe;
pub use dependencies::{Component, Dependencies, DependenciesError};
pub use discover_versions::{GROUPS, discover_versions};
pub use driver::{Driver, UnknownDriver};
pub use driver_reads::{Answer404, Read, ReadClass, driver_reads};
pub use error::Error;
pub use finding::{Finding, Rule, Severity};
pub use management::{Deadlines, Management};
pub use namespace::{InvalidNamespace, Namespace, Namespaces};
pub use offline_surface::{UnknownRelease, offline_surface, offline_surface_of};
pub use omega_core::api_resources::{Override, OverrideError, Overrides};
pub use read_addons::{Addon, read_addons};
pub use read_cluster_credentials::{CLUSTER_CLOUD, ClusterCredentials, read_cluster_credentials};
pub use read_controllers::{Controllers, Lease, read_controllers};
pub use read_installed::{Installed, read_installed};
pub use read_readiness::{Readiness, read_readiness};
pub use read_releases::{Releases, read_releases};
pub use read_webhooks::{WebhookServer, Webhooks, read_webhooks};
pub use release::{Release, ReleaseStatus, Unreadable};
pub use served::{GroupVersion, Served, ServedKind, ServedVersion, age};
pub use served_versions::{Surface, served_versions};
pub use served_versions_fit::ServedVersionsFit;
pub use templates::TemplateFacts;
pub use verb::Verb;
