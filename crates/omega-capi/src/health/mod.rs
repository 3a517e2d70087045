//! The health of a workload cluster: what Magnum reports, what the driver reads, and what is true.
//!
//! [`driver_verdict`] predicts the result of the driver's own health code; `tests/oracle/run`
//! compares it with that code. [`classify_health`] finds out what is wrong, and [`fix_first`] which
//! layer to fix first.

pub(crate) mod answer;
mod classify_health;
mod cluster_state;
mod condition;
mod creation;
mod diagnosis;
mod driver_verdict;
mod driver_waits;
mod findings;
mod health_facts;
mod health_reads;
mod read_addons;
mod read_machines;
mod read_objects;
mod verdict;

pub use answer::{Answer, Answers, Object};
pub use classify_health::{classify_health, classify_within};
pub use cluster_state::Patience;
pub use creation::{Creation, Stage, StageState, StageTime, read_creation};
pub use diagnosis::{Diagnosis, HealthCause, Layer, fix_first};
pub use driver_verdict::{MissingAnswer, driver_verdict};
pub use driver_waits::{CONTROL_PLANE_CONDITIONS, DriverWait, driver_waits};
pub use health_facts::{Credential, HealthFacts, LoadBalancer};
pub use health_reads::{HealthPart, HealthRead, Names, NodeGroup, health_reads};
pub use read_addons::{Addon, AddonOutcome, read_addons};
pub use read_machines::{MachineFault, Machines, read_machines};
pub use read_objects::read_objects;
pub use verdict::{HealthStatus, Reasons, Recorded, Verdict, polled};
