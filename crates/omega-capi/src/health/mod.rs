//! The health of a workload cluster: what Magnum says of it, what the driver makes of what it
//! reads, and what is true.
//!
//! [`driver_verdict`] predicts what the driver's own health code answers; `tests/oracle/run`
//! compares it with that code.

mod answer;
mod driver_verdict;
mod health_reads;
mod python;
mod verdict;

pub use answer::{Answer, Answers, Object};
pub use driver_verdict::{NotAsked, driver_verdict};
pub use health_reads::{HealthRead, Names, NodeGroup, Part, health_reads};
pub use verdict::{HealthStatus, Reasons, Recorded, Verdict, polled};
