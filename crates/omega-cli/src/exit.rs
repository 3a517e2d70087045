//! Exit codes: an API. Scripts depend on these numbers, so they never change their meaning.

use std::process::ExitCode;

use omega_core::FailureClass;
use serde::Serialize;

use crate::signals;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// An error.
    Error,
    /// `plan` and `verify`: changes are pending.
    Pending,
    /// A gate says no.
    Gate,
    /// A conflict, or an incoherent request.
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
    /// Stopped between two steps by Ctrl-C.
    Interrupted,
    /// Stopped between two steps by SIGTERM.
    Terminated,
}

/// When several apply, the first in this order is reported.
const ORDER: [Exit; 12] = [
    Exit::Error,
    Exit::Deadline,
    Exit::Interrupted,
    Exit::Terminated,
    Exit::Usage,
    Exit::Locked,
    Exit::Stale,
    Exit::Partial,
    Exit::Refused,
    Exit::Gate,
    Exit::Pending,
    Exit::Done,
];

impl Exit {
    /// Returns the number.
    pub(crate) fn code(self) -> u8 {
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
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Returns the first of `all` in the order in which they are reported.
    pub(crate) fn first(all: impl IntoIterator<Item = Self>) -> Self {
        let all: Vec<_> = all.into_iter().collect();
        ORDER.into_iter().find(|exit| all.contains(exit)).unwrap_or(Self::Done)
    }
}

impl From<FailureClass> for Exit {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Gate => Self::Gate,
            FailureClass::Refused => Self::Refused,
            FailureClass::Stale => Self::Stale,
            FailureClass::Locked => Self::Locked,
            FailureClass::Partial => Self::Partial,
            FailureClass::Deadline => Self::Deadline,
            FailureClass::Interrupted if signals::by_term() => Self::Terminated,
            FailureClass::Interrupted => Self::Interrupted,
            FailureClass::Usage => Self::Usage,
            FailureClass::Error | _ => Self::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_and_their_order_are_an_api() {
        let all: Vec<_> = ORDER.into_iter().map(Exit::code).collect();
        assert_eq!(all, [1, 124, 130, 143, 64, 6, 5, 7, 4, 3, 2, 0]);
        assert_eq!(Exit::first([Exit::Pending, Exit::Refused, Exit::Gate]), Exit::Refused);
        assert_eq!(Exit::first([]), Exit::Done);
    }
}
