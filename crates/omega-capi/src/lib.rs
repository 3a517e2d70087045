//! The management cluster of Cluster API, as magnum-capi-helm uses it.
//!
//! [`Management`] is the handle. [`served_versions`] asks it which versions of which kinds it
//! serves; [`driver_reads`] and [`chart_emits`] know what the driver reads and what the chart
//! writes; [`fit`] compares them, and [`ServedVersionsFit`] is that comparison as a gate.
//!
//! Nothing here writes to the cluster.

mod chart_emits;
mod driver;
mod driver_reads;
mod error;
mod fit;
pub mod health;
mod management;
mod overrides;
mod served;
mod served_versions;
mod served_versions_fit;
#[cfg(feature = "sim")]
#[expect(clippy::indexing_slicing, reason = "a key that a JSON value lacks reads as null")]
pub mod sim;
mod wire;

pub use chart_emits::{Emitted, chart_emits};
pub use driver::{Driver, UnknownDriver};
pub use driver_reads::{Answer404, Class, Read, driver_reads};
pub use error::Error;
pub use fit::{Combination, Finding, Severity, fit};
pub use management::{Deadlines, Management};
pub use overrides::{Override, OverrideError, Overrides};
pub use served::{GroupVersion, Served, ServedKind, ServedVersion, age};
pub use served_versions::{GROUPS, served_versions};
pub use served_versions_fit::ServedVersionsFit;
