//! The documents, as code: a short list of steps and questions each.

mod connect;
mod graft;
mod prove;
mod resolve;
mod units;
mod world;

pub(crate) use graft::Wanted;
pub(crate) use prove::prove;
pub(crate) use world::World;
