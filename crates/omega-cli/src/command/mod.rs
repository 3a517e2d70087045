//! What each subcommand does.

mod behind;
mod graft;
mod operation;
mod rollback;
mod runs;
mod session;

pub(crate) use session::Session;
