//! What each subcommand does.

mod behind;
mod capi;
mod capi_inputs;
mod doctor;
mod graft;
mod operation;
mod release_stuck_delete;
mod rollback;
mod runs;
mod session;

pub(crate) use capi_inputs::facts as template_facts;
pub(crate) use release_stuck_delete::ReleaseStuckDeleteArgs;
pub(crate) use session::Session;
