//! Facts about magnum-capi-helm, the Magnum driver that creates clusters with Cluster API.
//!
//! Each fact is stated once, with its source in the driver's code: the releases and how they differ
//! ([`DriverRelease`]), the options ([`options`], [`api_resources`]), the objects that the driver
//! reads on the management cluster ([`driver_reads`]), the RBAC rights it needs there
//! ([`driver_needs`]), its names ([`naming`]), the labels it reads ([`labels`]), the parts of
//! a template without effect ([`template`]) and its dependencies ([`requirements`]). The crate does no I/O.
//!
//! A source such as `driver.py:895` is line 895 of `magnum_capi_helm/driver.py` in the package of a
//! release.

pub mod api_resources;
pub mod labels;
pub mod naming;
pub mod options;
mod oslo_config;
pub mod python;
mod reads;
mod release;
pub mod requirements;
mod rights;
pub mod template;

pub use api_resources::{
    ApiResources, ApiResourcesError, Override, OverrideError, Overrides, WithoutEffect,
};
pub use naming::{NamespacePrefix, StackId};
pub use options::{CapiHelm, CapiHelmError};
pub use reads::{Answer404, GroupVersion, Read, ReadClass, driver_reads};
pub use release::{DriverRelease, InvalidRelease, UnknownRelease};
pub use rights::{Need, driver_needs};
