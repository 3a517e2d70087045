//! Placeholder until the simulators are here.
use crate::{cli::RehearseArgs, command::Session, exit::Exit};
use omega_core::Failure;
pub(crate) async fn rehearse(_: &Session, _: &RehearseArgs) -> Result<Exit, Failure> {
    Ok(Exit::Error)
}
