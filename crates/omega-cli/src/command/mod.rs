//! What each subcommand does.

mod access;
mod behind;
mod capi;
mod capi_inputs;
mod doctor;
mod egress;
mod graft;
mod operation;
mod rollback;
mod runs;
mod session;

pub(crate) use access::Access;
pub(crate) use capi_inputs::facts as template_facts;
pub(crate) use session::Session;
