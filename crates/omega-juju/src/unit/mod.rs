//! The machine of a unit: what can be asked of it, and what can be done to it.

mod action;
mod channel;
mod failure;
mod handle;
mod names;
mod probe;
mod reply;
mod sources;

pub use action::{
    Access, Action, Download, Expect, FileAction, PackageAction, Payload, PipSource, Placement,
    ServiceAction,
};
pub use channel::Channel;
pub use failure::{FailureCode, ProbeFailure};
pub use handle::Unit;
pub use names::{InvalidPath, InvalidServiceName, ServiceName, UnitPath};
pub use probe::Probe;
pub use reply::{
    Distribution, DomainSnapshots, FileFacts, FileState, Interpreter, ProgramState, ReachState,
    ReleasesState, Reply, Resolved, ServiceState,
};
pub use sources::Sources;
