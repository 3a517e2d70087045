//! A stand-in for the management cluster's API server, for rehearsals and tests.
//!
//! What it answers was recorded from kube-apiserver 1.34.4 (`recordings/record.py`). It keeps the
//! custom resource definitions as state and derives the discovery documents from them, as the real
//! one does; tests compare what it derives with what was recorded at other served versions.

mod apiserver;
mod authorize;
mod deleting;
mod discovery;
mod guarded;
mod kubelet;
mod objects;
mod recording;
mod writes;

pub use apiserver::{Apiserver, Fault};
pub use deleting::{Deleting, Upset};
pub use guarded::{Guarded, Spoiled};
pub use kubelet::Fate;
