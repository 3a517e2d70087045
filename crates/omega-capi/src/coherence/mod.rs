//! Whether driver, chart, Cluster API and cluster templates work together.
//!
//! [`check_coherence`] runs every check, against a cluster ([`read_served_apis`]) or against the tables
//! of releases ([`apis_of_releases`]). [`check_compatibility`] is the part that needs the served
//! versions only, and [`ServedVersionsGate`] is its gate. The gate of all checks also needs Magnum's
//! templates, so it is in the crate `omega`.
//!
//! [`read_served_apis`]: crate::served::read_served_apis
//! [`apis_of_releases`]: crate::served::apis_of_releases

mod chart_emits;
mod check_coherence;
mod compatibility;
mod contracts;
mod delete_unsafe;
mod judge;
mod rule;
mod served_versions_gate;
mod templates;

pub use chart_emits::{ChartObject, chart_emits};
pub use check_coherence::{CoherenceInputs, check_coherence};
pub(crate) use compatibility::NO_CORE;
pub use compatibility::{Combination, check_compatibility, misread};
pub use delete_unsafe::delete_unsafe;
pub use judge::{Coherence, Refusal};
pub use rule::Rule;
pub use served_versions_gate::ServedVersionsGate;
pub use templates::{TemplateFacts, without_cni};
