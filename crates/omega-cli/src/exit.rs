//! How the process ends: the numbers are [`Status`]'s.

use std::process::ExitCode;

use omega::run::Status;

/// A status, as the process ends with it.
pub(crate) fn code(status: Status) -> ExitCode {
    ExitCode::from(status.code())
}
