//! What can happen to one request or remote action.

use std::{fmt, str::FromStr};

/// One fault. Unless it goes on, it is of one request; the requests after it are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Nothing listens. It does again after a moment.
    Refused,
    /// Nothing listens any more.
    RefusedOn,
    /// The connection is reset, and the service has not seen the request.
    ResetBefore,
    /// The connection is reset once the service has executed the request.
    ResetAfter,
    /// The request is executed, and its response ends half-way.
    Truncated,
    /// The request is executed, and its response is not what the service wrote.
    Garbled,
    /// A proxy answers with its own page and this status; the service has not seen the request.
    Page(u16),
    /// The request is executed, and a proxy answers with its own page and this status.
    PageAfter(u16),
    /// A proxy answers with its page and this status from now on.
    PageOn(u16),
    /// There is no answer; the service has not seen the request.
    Hang,
    /// The request is executed, and there is no answer.
    HangAfter,
    /// There is no answer from now on.
    HangOn,
    /// The request is executed, and its response says that it has 10 GB.
    Huge,
    /// The request is executed, and its response does not end: it has 10 GB.
    Endless,
}

/// The bytes of a response that is too large.
pub(crate) const TOO_LARGE: u64 = 10 << 30;

/// How long the proxy asks to wait, with 429 and 503, in seconds.
pub(crate) const RETRY_AFTER: u64 = 1;

impl Fault {
    /// All of them.
    pub(crate) const ALL: [Self; 22] = [
        Self::Refused,
        Self::RefusedOn,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Truncated,
        Self::Garbled,
        Self::Page(200),
        Self::Page(401),
        Self::Page(403),
        Self::Page(409),
        Self::Page(413),
        Self::Page(429),
        Self::Page(500),
        Self::Page(503),
        Self::PageAfter(500),
        Self::PageAfter(503),
        Self::PageOn(503),
        Self::Hang,
        Self::HangAfter,
        Self::HangOn,
        Self::Huge,
        Self::Endless,
    ];

    /// Whether the service executes the request.
    pub(crate) fn executes(self) -> bool {
        match self {
            Self::ResetAfter
            | Self::Truncated
            | Self::Garbled
            | Self::PageAfter(_)
            | Self::HangAfter
            | Self::Huge
            | Self::Endless => true,
            Self::Refused
            | Self::RefusedOn
            | Self::ResetBefore
            | Self::Page(_)
            | Self::PageOn(_)
            | Self::Hang
            | Self::HangOn => false,
        }
    }

    /// Whether it goes on with every request after it.
    pub(crate) fn goes_on(self) -> bool {
        matches!(self, Self::RefusedOn | Self::PageOn(_) | Self::HangOn)
    }

    /// Whether there is no answer at all.
    pub(crate) fn hangs(self) -> bool {
        matches!(self, Self::Hang | Self::HangAfter | Self::HangOn)
    }

    /// Whether a read that meets it must be sent again, and the run must end as without it.
    pub(crate) fn passes(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::ResetBefore
                | Self::ResetAfter
                | Self::Truncated
                | Self::Page(429 | 503)
                | Self::PageAfter(503)
        )
    }

    /// Whether the proxy says when to ask again.
    pub(crate) fn says_when(self) -> bool {
        matches!(self, Self::Page(429 | 503) | Self::PageAfter(503) | Self::PageOn(503))
    }

    /// The page's status, if a proxy answers.
    pub(crate) fn page(self) -> Option<u16> {
        match self {
            Self::Page(status) | Self::PageAfter(status) | Self::PageOn(status) => Some(status),
            Self::Refused
            | Self::RefusedOn
            | Self::ResetBefore
            | Self::ResetAfter
            | Self::Truncated
            | Self::Garbled
            | Self::Hang
            | Self::HangAfter
            | Self::HangOn
            | Self::Huge
            | Self::Endless => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::RefusedOn => f.write_str("refused-on"),
            Self::ResetBefore => f.write_str("reset-before"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::Truncated => f.write_str("truncated"),
            Self::Garbled => f.write_str("garbled"),
            Self::Page(status) => write!(f, "page-{status}"),
            Self::PageAfter(status) => write!(f, "page-{status}-after"),
            Self::PageOn(status) => write!(f, "page-{status}-on"),
            Self::Hang => f.write_str("hang"),
            Self::HangAfter => f.write_str("hang-after"),
            Self::HangOn => f.write_str("hang-on"),
            Self::Huge => f.write_str("huge"),
            Self::Endless => f.write_str("endless"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = || Self::ALL.map(|fault| fault.to_string()).join(", ");
        let known = Self::ALL.into_iter().find(|fault| fault.to_string() == text);
        known.ok_or_else(|| format!("no fault {text:?}: {}", all()))
    }
}
