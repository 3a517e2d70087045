//! Operations on `OpenStack`: sessions, security group rules, Magnum.
//!
//! A [`CloudConfig`] has the configuration of a cloud, a [`Session`] is a connection to it, and the
//! type of a service's client ([`network::Network`]) shows what scope its operations need.

pub mod block_storage;
mod cloud;
pub mod cloud_inventory;
mod cluster_name;
pub mod compute;
pub mod container_infra;
#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "a contract is a test")]
pub mod contract;
mod error;
mod gate_answer;
pub mod identity;
pub mod image;
pub mod key_manager;
mod limits;
pub mod load_balancer;
#[cfg(test)]
mod microversion_tests;
pub mod network;
mod read_only;
mod request;
mod response;
mod restore;
mod served_certificates;
mod service_response;
mod session;
#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "JSON values of a known shape")]
pub mod sim;
mod token_info;
mod transport;
mod transport_cause;
mod upstream_messages;
mod web;

pub use cloud::{
    ApplicationCredentialRef, AuthScope, CloudConfig, ConfigError, Credential, DomainRef,
    Interface, InvalidInterface, Lookup, Origin, ProjectRef, UserRef,
};
pub use cluster_name::ClusterName;
pub use error::{Error, Refusal};
pub use limits::Limits;
pub use read_only::ReadOnly;
pub use request::{Body, ByteStream, Request, Upload};
pub use response::{
    ContentRange, Download, Headers, JSON_LIMIT, Response, RetryAfter, StreamedResponse,
};
pub use restore::restore;
pub use served_certificates::{CertificateReader, ServedCertificates};
pub use session::{Session, SessionOptions};
pub use token_info::{Catalog, CatalogEntry, Endpoint, LoginMethod, Name, TokenInfo};
pub use transport::{Method, Service, Transport};
pub use transport_cause::TransportCause;
pub use upstream_messages::{RefusalReason, RefusingService, refusing_rule};
pub use web::{Page, Web, WebClient};
