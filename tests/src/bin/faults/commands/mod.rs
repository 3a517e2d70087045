//! The commands, as omega-cli runs them.

pub(crate) mod cloud;
pub(crate) mod graft;
pub(crate) mod looks;
pub(crate) mod management;

use omega::core::{Failure, FailureClass};

use crate::outcome::Outcome;

/// What a command says.
pub(crate) type Ended = Result<Outcome, Failure>;

/// The site, as the operator named it.
pub(crate) const SITE: &str = "omega.toml";

/// The failure of a value of the harness's own that can't be used.
fn own(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureClass::Usage, format!("the harness is wrong: {error}"))
}
