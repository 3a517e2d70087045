//! The management cluster of Cluster API, as magnum-capi-helm uses it.
//!
//! [`Management`] is the client.
//!
//! * [`served`]: which API versions the management cluster serves. [`coherence`]: whether driver,
//!   chart and cluster templates work with them.
//! * [`releases`]: what helm installed. [`constellation`]: whether these versions were tested
//!   together. [`controllers`]: what runs on the management cluster.
//! * [`health`]: what is wrong with a workload cluster, from its objects. [`workload`]: the same from
//!   inside the cluster.
//! * [`echo`]: throw-away pods behind a service of type `LoadBalancer`.
//! * [`access`]: creates the kubeconfig of the driver. [`egress`]: tests a connection from a pod.
//! * [`stuck`]: finishes a delete that is stuck. [`restore`]: undoes what a journal names.

pub mod access;
mod bounded_body;
pub mod coherence;
mod connect_failure;
pub mod constellation;
pub mod controllers;
pub mod credentials;
mod deadlines;
pub mod echo;
pub mod egress;
mod error;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
mod kube_client;
mod lease;
mod list;
mod management;
mod namespace;
mod read_version;
pub mod releases;
pub mod restore;
mod rights;
pub mod served;
#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "indexing a JSON value by a missing key yields null")]
pub mod sim;
pub mod stuck;
mod upstream_messages;
mod verb;
mod wire;
pub mod workload;

pub use connect_failure::ConnectFailure;
pub use deadlines::Deadlines;
pub use error::{Error, conversion_remedy, definition_of};
pub use lease::{LEASE_NAME, LEASE_NAMESPACE};
pub use list::OddObject;
pub use management::Management;
pub use namespace::{InvalidNamespace, InvalidObjectName, Namespace, Namespaces, ObjectName};
pub use read_version::ReadVersion;
pub use upstream_messages::is_conversion_failure;
pub use verb::Verb;
pub use wire::{WebhookClient, WebhookService};
