//! The channels to a unit's machine: Juju, SSH and local.

mod deadlines;
mod juju;
mod local;
mod program;
mod ssh;

pub use deadlines::Deadlines;
pub use juju::{
    Juju, JujuModel, JujuStatus, JujuTarget, JujuUnits, StatusInfo, UnitStatus, juju_status,
    juju_units,
};
pub use local::Local;
#[cfg(test)]
pub(crate) use local::python3;
pub use ssh::{Ssh, SshTarget};
