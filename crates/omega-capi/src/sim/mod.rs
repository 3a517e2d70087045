//! A simulator of a Kubernetes API server, for rehearsals and tests.
//!
//! Its answers were recorded from kube-apiserver 1.34.4 (`recordings/record.py`,
//! `recordings/finalizers.py`). It keeps the custom resource definitions as state and derives the
//! discovery documents from them, like the real one. Tests compare these with recordings at other
//! served versions.
//!
//! It is a stack of layers, each of which answers a request or passes it on: the connection and its
//! faults, faults of writes, authorization, the stored objects, and the recordings.

mod apiserver;
mod authorize;
mod balanced;
mod connection;
mod discovery;
mod kubelet;
mod leases;
mod machine;
mod objects;
mod recorded;
mod recording;
mod request;
mod state;
mod store;
mod write_faults;

pub use apiserver::Apiserver;
pub use balanced::ServiceOutcome;
pub use connection::Fault;
pub use kubelet::PodOutcome;
pub use machine::Machine;
