//! Whole jobs for Kubernetes on Charmed OpenStack, for other tools to embed.
//!
//! * [`site`] reads a site file; [`clients`] connects to the services that it names.
//! * [`graft`] is phase 07: the Cluster API driver on a live Magnum conductor. [`rollback`] undoes a
//!   run of it.
//! * [`cluster`] creates, deletes and reaches workload clusters.
//! * [`doctor`] says what is broken, from the bottom up, and what to fix first.
//! * [`drift`] says what has changed since the last look, and since when.
//! * [`export_kubernetes`] writes the objects with which a management cluster looks at sites on a schedule.
//! * [`stuck_delete`] releases a cluster stuck deleting, and removes what it left.
//! * [`live`] checks what runs against the decisions.
//! * [`teardown`] destroys a cloud's Juju model and releases its machines.
//! * [`acceptance`] checks the acceptance bar of a cloud, D-011, and reports.
//! * [`as_built`] writes down what of a site really exists.
//! * [`locks`] reads who holds the locks of a site's targets.
//! * [`sweep()`] and [`sweep_site`] remove what killed runs left.
//! * `rehearsal` runs a whole job on the simulators (feature `sim`).
//! * [`decisions`] explains the decisions that the runbooks are based on, and knows every rule that checks them.
//!
//! [`run::Engine`] plans, applies and verifies a job. It sends events to a [`Context`](core::Context),
//! and returns values. Nothing here prints, prompts, reads the environment, or depends on a command
//! line. Every future is `Send`.

pub mod acceptance;
pub mod as_built;
pub mod clients;
pub mod cluster;
pub mod coherence;
pub mod decisions;
pub mod doctor;
pub mod drift;
pub mod export_kubernetes;
pub mod graft;
pub mod lint;
pub mod live;
pub mod locks;
mod machine;
#[cfg(feature = "sim")]
pub mod rehearsal;
pub mod rollback;
pub mod site;
#[cfg(test)]
mod stored_formats;
pub mod stuck_delete;
mod sweep;
pub mod teardown;
#[cfg(test)]
mod test_harness;

pub use machine::Machine;
pub use omega_capi as capi;
pub use omega_core as core;
pub use omega_core::run;
pub use omega_driver as driver;
pub use omega_juju as juju;
pub use omega_openstack as openstack;
pub use sweep::{Swept, left_here, left_on_site, sweep, sweep_site};
