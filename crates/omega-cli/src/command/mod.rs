//! What each subcommand does.

mod behind;
mod capi;
mod capi_inputs;
mod graft;
mod operation;
mod rollback;
mod runs;
mod session;

pub(crate) use session::Session;
