//! The ways to a unit's machine.

mod deadlines;
mod local;
mod program;
mod ssh;

pub use deadlines::Deadlines;
pub use local::Local;
pub use ssh::{Ssh, SshTarget};
