//! A stand-in for the management cluster's API server, for rehearsals and tests.
//!
//! What it answers was recorded from kube-apiserver 1.34.4 (`recordings/record.py`,
//! `recordings/finalizers.py`). It keeps the custom resource definitions as state and derives the
//! discovery documents from them, as the real one does; tests compare what it derives with what was
//! recorded at other served versions.
//!
//! It is a stack of layers, each of which answers a request or passes it on: the connection and its
//! faults, faults of writes, recorded refusals, authorization, the objects that are kept, and what
//! was recorded.

mod apiserver;
mod authorize;
mod connection;
mod discovery;
mod kubelet;
mod machine;
mod objects;
mod recorded;
mod recording;
mod request;
mod state;
mod store;
mod write_faults;

pub use apiserver::Apiserver;
pub use connection::Fault;
pub use kubelet::PodOutcome;
pub use machine::Machine;
