use serde::{Deserialize, Serialize};

use crate::{CancelReason, Failure, FailureClass};

/// The status of a command. The exit codes are an API: scripts depend on them, and their meaning
/// never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Status {
    /// Done, or nothing to do.
    Done,
    /// An error.
    Error,
    /// `plan` and `verify`: changes are pending.
    Pending,
    /// A gate failed.
    Gate,
    /// An operation refused, or the request contradicts itself.
    Refused,
    /// The plan is stale.
    Stale,
    /// Another run holds the lock.
    Locked,
    /// Some targets are done, one failed.
    Partial,
    /// The command line or the site file is wrong.
    Usage,
    /// A deadline passed.
    Deadline,
    /// Stopped by SIGHUP: the terminal is gone.
    HungUp,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

/// If several apply, the first in this order is reported.
const ORDER: [Status; 13] = [
    Status::Error,
    Status::Deadline,
    Status::HungUp,
    Status::Interrupted,
    Status::Terminated,
    Status::Usage,
    Status::Locked,
    Status::Stale,
    Status::Partial,
    Status::Refused,
    Status::Gate,
    Status::Pending,
    Status::Done,
];

impl Status {
    /// Returns the exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Pending => 2,
            Self::Gate => 3,
            Self::Refused => 4,
            Self::Stale => 5,
            Self::Locked => 6,
            Self::Partial => 7,
            Self::Usage => 64,
            Self::Deadline => 124,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Returns the first of `all` in the order in which they are reported.
    pub fn first(all: impl IntoIterator<Item = Self>) -> Self {
        let all: Vec<_> = all.into_iter().collect();
        ORDER.into_iter().find(|status| all.contains(status)).unwrap_or(Self::Done)
    }

    /// Returns the status for `failure`; `cancelled` is why the run was cancelled, if it was.
    pub fn of(failure: &Failure, cancelled: Option<CancelReason>) -> Self {
        match failure.class {
            FailureClass::Gate => Self::Gate,
            FailureClass::Refused => Self::Refused,
            FailureClass::Stale => Self::Stale,
            FailureClass::Locked => Self::Locked,
            FailureClass::Partial => Self::Partial,
            FailureClass::Deadline => Self::Deadline,
            FailureClass::Interrupted => match cancelled {
                Some(CancelReason::Terminate) => Self::Terminated,
                Some(CancelReason::Hangup) => Self::HungUp,
                Some(CancelReason::Deadline) => Self::Deadline,
                Some(CancelReason::Interrupt) | None => Self::Interrupted,
            },
            FailureClass::Usage => Self::Usage,
            FailureClass::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_and_their_order_are_an_api() {
        let all: Vec<_> = ORDER.into_iter().map(Status::code).collect();
        assert_eq!(all, [1, 124, 129, 130, 143, 64, 6, 5, 7, 4, 3, 2, 0]);
        assert_eq!(
            Status::first([Status::Pending, Status::Refused, Status::Gate]),
            Status::Refused
        );
        assert_eq!(Status::first([]), Status::Done);
    }
}
