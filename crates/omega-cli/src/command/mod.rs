//! What each subcommand does.

mod accept;
mod access;
mod behind;
mod capi;
mod capi_inputs;
mod doctor;
mod egress;
mod graft;
mod operation;
mod release_stuck_delete;
mod rollback;
mod runs;
mod session;
mod workload;

pub(crate) use accept::AcceptArgs;
pub(crate) use access::Access;
pub(crate) use capi_inputs::{facts as template_facts, setup};
pub(crate) use doctor::DoctorArgs;
pub(crate) use release_stuck_delete::ReleaseStuckDeleteArgs;
pub(crate) use session::Session;
pub(crate) use workload::WorkloadArgs;
