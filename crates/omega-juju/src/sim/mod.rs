//! A simulated unit in memory, behind the same [`Channel`](crate::Channel) as a real one.
//!
//! It has files, packages, services and processes, evaluates the init script and `/etc/default` with
//! a small shell, and reads configuration as oslo.config does. Its messages are those of a real unit:
//! a test compares it with `recordings/`. It shares no code for texts with the operations.

mod actions;
mod config;
mod files;
mod juju;
mod lock;
mod management;
mod models;
mod probes;
mod python;
mod recorded;
mod services;
mod shell;
mod snapshot;
mod start;
mod unit;

pub use juju::Juju;
pub use management::{Management, Rights};
pub use models::{Models, SimModel};
pub use recorded::{recorded_reply, recorded_situations};
pub use snapshot::Snapshot;
pub use start::{HELM, KUBECONFIG, Start};
pub use unit::Unit;

/// What `juju status --format json` of juju 3.4.2 printed of a model of Charmed `OpenStack` in which all
/// is well (canonical/charmed-openstack-upgrader, tests/unit/jujustatus.json at 5b6fefb).
pub const JUJU_STATUS: &str = include_str!("../../recordings/juju-status-3.4.2.json");

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod recording_tests;
