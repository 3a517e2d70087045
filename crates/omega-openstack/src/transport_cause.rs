//! What happens on the way to a service, as data.

use std::{fmt, io, time::Duration};

use omega_core::Retry;
use serde::{Deserialize, Serialize};

/// What happened to an exchange that got no answer, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportCause {
    /// Nobody listens there.
    Refused,
    /// There is no connection for another reason: no such host, no route.
    Connect,
    /// The connection did not come about in time.
    ConnectTimedOut,
    /// The other end closed the connection in the middle.
    Reset,
    /// Nothing moved for so long, after so many bytes in the direction that was under way.
    Stalled {
        /// How long.
        after: Duration,
        /// The bytes that had moved.
        moved: u64,
    },
    /// The certificate is not accepted, or there is no TLS at the other end.
    Tls,
    /// What was to be sent could not be read, or has another length than was said.
    Source,
    /// Something else.
    Other,
}

impl TransportCause {
    /// Returns what a failed connection or transfer was, from the errors that it is made of.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let mut next = std::error::Error::source(error);
        while let Some(one) = next {
            if let Some(cause) = Self::of_one(one) {
                return cause;
            }
            next = one.source();
        }
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::ConnectTimedOut,
            (true, false) => Self::Connect,
            (false, _) => Self::Other,
        }
    }

    fn of_one(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if error.is::<UnusableSource>() {
            return Some(Self::Source);
        }
        if error.is::<rustls::Error>() {
            return Some(Self::Tls);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return (error.is_incomplete_message() || error.is_closed()).then_some(Self::Reset);
        }
        let error = error.downcast_ref::<io::Error>()?;
        // What an I/O error wraps is not its source: hyper-rustls wraps one in another.
        let inner = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
        if let Some(cause) = inner.and_then(Self::of_one) {
            return Some(cause);
        }
        let reset = [
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
        ];
        let kind = error.kind();
        if kind == io::ErrorKind::ConnectionRefused {
            return Some(Self::Refused);
        }
        if kind == io::ErrorKind::TimedOut {
            return Some(Self::ConnectTimedOut);
        }
        reset.contains(&kind).then_some(Self::Reset)
    }

    pub(crate) fn retry(self) -> Retry {
        match self {
            Self::Refused
            | Self::Connect
            | Self::ConnectTimedOut
            | Self::Reset
            | Self::Stalled { .. }
            | Self::Other => Retry::Transient,
            Self::Tls | Self::Source => Retry::Final,
        }
    }

    pub(crate) fn timed_out(self) -> bool {
        match self {
            Self::ConnectTimedOut | Self::Stalled { .. } => true,
            Self::Refused
            | Self::Connect
            | Self::Reset
            | Self::Tls
            | Self::Source
            | Self::Other => false,
        }
    }

    pub(crate) fn next(self) -> &'static str {
        match self {
            Self::Source => "look at what was to be sent",
            Self::Refused
            | Self::Connect
            | Self::ConnectTimedOut
            | Self::Reset
            | Self::Stalled { .. }
            | Self::Tls
            | Self::Other => "check the address, the route to it, and cacert where it is HTTPS",
        }
    }
}

/// What the message adds of it; nothing where the source says more.
impl fmt::Display for TransportCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled { after, moved: 0 } => write!(f, ": nothing moved for {after:.0?}"),
            Self::Stalled { after, moved } => {
                write!(f, ": nothing moved for {after:.0?} after {moved} bytes")
            }
            Self::Refused
            | Self::Connect
            | Self::ConnectTimedOut
            | Self::Reset
            | Self::Tls
            | Self::Source
            | Self::Other => Ok(()),
        }
    }
}

/// What was to be sent can't be.
#[derive(Debug, thiserror::Error)]
#[error("the source of the upload failed: {0}")]
pub(crate) struct UnusableSource(pub(crate) String);

/// Nothing moved any more.
#[derive(Debug, thiserror::Error)]
#[error("the transfer stalled")]
pub(crate) struct Stalled;
