//! What omega knows of magnum-capi-helm, the driver that makes Magnum's clusters with Cluster API.
//!
//! One place for each fact, with its source in the driver: which releases there are and what each
//! does ([`DriverRelease`]), its options ([`options`]), the one that can break it
//! ([`api_resources`]), what it reads on the management cluster ([`driver_reads`]) and must be
//! allowed there ([`driver_needs`]), what it calls things ([`naming`]), which labels it looks at
//! ([`labels`]), what of a template has no effect ([`template`]), and what it needs around it
//! ([`requirements`]). Nothing here does any input or output.
//!
//! Sources are named by the file and line in the package of a release: `driver.py:895` is
//! `magnum_capi_helm/driver.py`, line 895.

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
