//! The machine of a unit: probes that read from it, and actions that change it.

mod action;
mod channel;
mod drivers;
mod failure;
mod handle;
mod import_memory;
mod lock;
mod names;
mod probe;
mod reply;
mod sources;

pub use action::{
    Access, Action, Download, Expect, FileAction, PackageAction, Payload, PipSource, Placement,
    ServiceAction,
};
pub use channel::Channel;
pub use drivers::{DriverState, DriversState, ImportInputs, SinceStart};
pub use failure::{ActionFailure, FailureCode, ProbeFailure};
pub use handle::Unit;
pub use lock::{Fence, LockRequest};
pub use names::{InvalidPath, InvalidServiceName, ServiceName, UnitPath};
pub use probe::Probe;
pub use reply::{
    BrokenMetadata, Distribution, DistributionsState, DomainSnapshots, FileFacts, FileState,
    Interpreter, Obstacle, OptionSource, OptionsState, OtherDistribution, ProgramState, ReachState,
    ReleasesState, Reply, Resolved, ServiceState,
};
pub use sources::Sources;
