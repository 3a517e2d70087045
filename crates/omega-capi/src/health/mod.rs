//! The health of a workload cluster: what Magnum says of it, what the driver makes of what it
//! reads, and what is true.
//!
//! [`driver_verdict`] predicts what the driver's own health code answers; `tests/oracle/run`
//! compares it with that code. [`classify_health`] says what is the matter, and [`fix_first`] which
//! layer to fix first.

mod answer;
mod ask_objects;
mod classify_health;
mod cluster_state;
mod condition;
mod creation;
mod diagnosis;
mod driver_verdict;
mod findings;
mod health_facts;
mod health_reads;
mod read_addons;
mod verdict;

pub use answer::{Answer, Answers, Object};
pub use ask_objects::ask_objects;
pub use classify_health::classify_health;
pub use creation::{Creation, Stage, StageState, StageTime, read_creation};
pub use diagnosis::{Diagnosis, HealthCause, Layer, fix_first};
pub use driver_verdict::{NotAsked, driver_verdict};
pub use health_facts::{Credential, HealthFacts, LoadBalancer};
pub use health_reads::{HealthPart, HealthRead, Names, NodeGroup, health_reads};
pub use read_addons::{Addon, read_addons};
pub use verdict::{HealthStatus, Reasons, Recorded, Verdict, polled};
