//! The channels to a unit's machine: Juju, SSH and local.

mod deadlines;
mod juju;
mod local;
mod program;
mod read_only;
mod ssh;
mod stage;

pub use deadlines::Deadlines;
#[cfg(any(test, feature = "sim"))]
pub(crate) use juju::finished;
#[cfg(feature = "sim")]
pub(crate) use juju::task_of;
pub use juju::{
    ApplicationStatus, DeployedCharm, Juju, JujuCommands, JujuModel, JujuProgram, JujuStatus,
    JujuTarget, JujuUnits, MachineStatus, Standing, StatusInfo, UnitStatus, Unusable, juju_status,
    juju_units,
};
pub use local::Local;
#[cfg(test)]
pub(crate) use local::python3;
pub use program::{Program, ProgramOutput, RunError, find_program};
pub use read_only::ReadOnly;
#[cfg(feature = "sim")]
pub(crate) use ssh::KnownHosts;
pub use ssh::{Ssh, SshTarget, check_identity, host_keys};
pub use stage::{SshServer, SshStage, Stage};
