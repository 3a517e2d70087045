use serde::{Deserialize, Serialize};

use crate::Diagnostic;

/// The kind of failure: the part that scripts act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FailureClass {
    /// Something went wrong.
    Error,
    /// A gate failed.
    Gate,
    /// An operation refused.
    Refused,
    /// The plan no longer matches the changes that are needed.
    Stale,
    /// Another run holds the lock.
    Locked,
    /// Some targets are done, one failed, the rest is unchanged.
    Partial,
    /// A deadline passed.
    Deadline,
    /// The run was cancelled between two steps.
    Interrupted,
    /// The command line or the site file is wrong.
    Usage,
}

impl FailureClass {
    /// Returns the class of a call that failed with `error`.
    pub(crate) fn of(error: &dyn Diagnostic) -> Self {
        if error.cancelled() {
            Self::Interrupted
        } else if error.timed_out() {
            Self::Deadline
        } else if error.locked() {
            Self::Locked
        } else if error.refused() {
            Self::Refused
        } else {
            Self::Error
        }
    }
}
