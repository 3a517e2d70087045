//! The exit codes of the process, which are those of [`Status`].

use std::process::ExitCode;

use omega::run::Status;

/// Returns the exit code of a status.
pub(crate) fn code(status: Status) -> ExitCode {
    ExitCode::from(status.code())
}
