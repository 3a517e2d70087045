//! The documents, as code: a short list of steps and questions each.

mod cluster_credential;
mod coherence;
mod connect;
mod graft;
mod prove;
mod release;
mod replacement;
mod resolve;
mod units;
mod world;

pub(crate) use cluster_credential::{Connect, own_credential, sessions};
pub(crate) use coherence::Coherent;
pub(crate) use connect::management;
pub(crate) use graft::{Purpose, Wanted};
pub(crate) use prove::prove;
pub(crate) use release::{Release, StuckCluster};
pub(crate) use replacement::replacement;
pub(crate) use resolve::value;
pub(crate) use world::Clients;
