//! Throw-away pods that answer with their names, and a service of type `LoadBalancer` in front of them:
//! what shows that the cloud controller gives services load balancers that distribute.

mod object;
mod removed;
mod status;

pub use object::{Echo, EchoChange, EchoObject, EchoObserved};
pub use removed::{EchoDeletion, EchoKind, RemovedEcho};
pub use status::{EchoStatus, read_echo};

#[cfg(test)]
mod laws;

/// The label of what belongs together; its value is the name.
const MARK: &str = "omega/echo";
/// What the pods listen on, and what the service listens on.
const PORT: u16 = 8080;
const SERVICE_PORT: u16 = 80;
