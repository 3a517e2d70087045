//! Operations on the machine of a Juju unit: its files, packages and services.
//!
//! An operation sends read-only [`Probe`]s and single [`Action`]s. The [`Unit`] handle batches
//! concurrent probes into one remote execution over a [`Channel`] (Juju, SSH, local). A failure on
//! the unit has a [`FailureCode`] and a message.

mod agent;
pub mod channel;
pub mod charm;
#[cfg(any(test, feature = "sim"))]
pub mod contract;
pub mod controller;
mod driver_trouble;
mod error;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gates;
pub mod operations;
mod read_conductor;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod unit;
mod upstream_messages;

pub use driver_trouble::{DriverTrouble, DriverTroubleKind, driver_trouble};
pub use error::Error;
pub use read_conductor::{ConductorFacts, read_conductor};
pub use unit::{
    Access, Action, ActionFailure, BrokenMetadata, Channel, Distribution, DistributionsState,
    DomainSnapshots, Download, DriverState, DriversState, Expect, FailureCode, Fence, FileAction,
    FileFacts, FileState, ImportInputs, Interpreter, InvalidPath, InvalidServiceName, LockRequest,
    Obstacle, OptionSource, OptionsState, OtherDistribution, PackageAction, Payload, PipSource,
    Placement, Probe, ProbeFailure, ProgramState, ReachState, ReleasesState, Reply, Resolved,
    ServiceAction, ServiceName, ServiceState, SinceStart, Sources, Unit, UnitPath,
};
pub use upstream_messages::HelmFailure;
