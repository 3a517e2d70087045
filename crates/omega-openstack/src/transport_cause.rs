//! What can happen to an exchange with a service, as data.

use std::{fmt, io, time::Duration};

use omega_core::Retry;
use serde::{Deserialize, Serialize};

/// What happened to an exchange without an answer, or with an incomplete one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportCause {
    /// The connection was refused.
    Refused,
    /// No connection for another reason: no such host, no route.
    Connect,
    /// The connection timed out.
    ConnectTimedOut,
    /// The server closed the connection before the end.
    Reset,
    /// There was no progress for this long, after this many bytes in the current direction.
    Stalled {
        /// The time without progress.
        after: Duration,
        /// The bytes that were transferred before.
        moved: u64,
    },
    /// The certificate is not accepted, or the server does not use TLS.
    Tls,
    /// The body to send could not be read, or does not have the declared length.
    Source,
    /// Another cause.
    Other,
}

impl TransportCause {
    /// Classifies a failed connection or transfer by its chain of errors.
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
        // The error inside an I/O error is not its source: hyper-rustls wraps one in another.
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
            Self::Source => "check the file to upload",
            Self::Refused
            | Self::Connect
            | Self::ConnectTimedOut
            | Self::Reset
            | Self::Stalled { .. }
            | Self::Tls
            | Self::Other => "check the address, the route to it, and cacert for HTTPS",
        }
    }
}

/// The text that it adds to the message; nothing if the source has more details.
impl fmt::Display for TransportCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled { after, moved: 0 } => write!(f, ": no progress for {after:.0?}"),
            Self::Stalled { after, moved } => {
                write!(f, ": no progress for {after:.0?} after {moved} bytes")
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

/// The body can't be sent.
#[derive(Debug, thiserror::Error)]
#[error("the source of the upload failed: {0}")]
pub(crate) struct UnusableSource(pub(crate) String);

/// There was no more progress.
#[derive(Debug, thiserror::Error)]
#[error("the transfer stalled")]
pub(crate) struct Stalled;
