//! A simulated unit in memory, behind the same [`Channel`](crate::Channel) as a real one.
//!
//! It has files, packages, services and processes, evaluates the init script and `/etc/default` with
//! a small shell, and reads configuration as oslo.config does. Its messages are those of a real unit:
//! a test compares it with `recordings/`. It shares no code for texts with the operations.

mod actions;
mod config;
mod files;
mod management;
mod probes;
mod python;
mod recorded;
mod services;
mod shell;
mod snapshot;
mod start;
mod unit;

pub use management::{Management, Rights};
pub use recorded::{recorded_reply, recorded_situations};
pub use snapshot::Snapshot;
pub use start::{HELM, KUBECONFIG, Start};
pub use unit::Unit;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod recording_tests;
