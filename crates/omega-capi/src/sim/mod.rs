//! A stand-in for the management cluster's API server, for rehearsals and tests.
//!
//! What it answers was recorded from kube-apiserver 1.34.4 (`recordings/record.py`). It keeps the
//! custom resource definitions as state and derives the discovery documents from them, as the real
//! one does; tests compare what it derives with what was recorded at other served versions.

mod apiserver;
mod authorize;
mod discovery;
mod finalizing_apiserver;
mod kubelet;
mod objects;
mod rbac_apiserver;
mod recording;
mod writes;

pub use apiserver::{Apiserver, Fault};
pub use finalizing_apiserver::{FinalizingApiserver, Upset};
pub use kubelet::Fate;
pub use rbac_apiserver::{RbacApiserver, Spoiled};
