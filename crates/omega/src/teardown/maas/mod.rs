//! MAAS, as far as a teardown needs it: its machines, and their release.
//!
//! No real MAAS has met this code: it is written from MAAS's own sources (3.5: `src/maascli`,
//! `src/maasserver/api/machines.py`, `src/maasserver/enum.py`) and tested with stand-ins.

mod client;
mod commands;
mod error;
mod machine;
mod machine_released;
mod read_only;
#[cfg(any(test, feature = "sim"))]
mod sim;

pub use client::Maas;
pub use commands::{MaasCommands, MaasProgram};
pub use error::MaasError;
pub use machine::{MaasMachine, MachineState};
pub use machine_released::{
    MachineObserved, MachineRelease, MachineReleased, ensure_machine_released,
};
pub use read_only::ReadOnlyMaas;
#[cfg(any(test, feature = "sim"))]
pub use sim::{SimMaas, SimMachine};
