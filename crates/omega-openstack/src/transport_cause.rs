//! What can happen to an exchange with a service, as data.

use std::{fmt, io, time::Duration};

use omega_core::{
    Retry,
    tls::{SUPPORTED, is_ca_as_leaf, is_unsupported, words},
};
use serde::{Deserialize, Serialize};

use crate::upstream_messages::is_unresolved;

/// What happened to an exchange without an answer, or with an incomplete one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportCause {
    /// The connection was refused.
    Refused,
    /// No connection for another reason: no such host, no route.
    Connect,
    /// There was no connection in time.
    ConnectTimedOut,
    /// There was a connection, and the server did not answer in TLS in time.
    Hung,
    /// The server closed the connection before the end.
    Reset,
    /// There was no progress for this long, after this many bytes in the current direction.
    Stalled {
        /// The time without progress.
        after: Duration,
        /// The bytes that were transferred before.
        moved: u64,
    },
    /// Bytes arrived now and then, and the answer was not complete after this long.
    TooSlow {
        /// The time for the whole answer.
        after: Duration,
        /// The bytes that had arrived by then.
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
            | Self::Hung
            | Self::Reset
            | Self::Stalled { .. }
            | Self::TooSlow { .. }
            | Self::Other => Retry::Transient,
            Self::Tls | Self::Source => Retry::Final,
        }
    }

    pub(crate) fn timed_out(self) -> bool {
        match self {
            Self::ConnectTimedOut | Self::Hung | Self::Stalled { .. } | Self::TooSlow { .. } => {
                true
            }
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
            Self::Refused => "check the port, and that the service behind it runs",
            Self::Connect | Self::ConnectTimedOut => "check the address, and the route to it",
            Self::Hung => {
                "the port is open, and what is behind it hangs or is overloaded: look at the service, and \
                 at the proxy or load balancer in front of it"
            }
            Self::Reset | Self::Stalled { .. } | Self::TooSlow { .. } => {
                "check the service, and the proxy in front of it"
            }
            Self::Tls => "check the address, cacert, and this machine's clock",
            Self::Other => "check the address, the route to it, and cacert for HTTPS",
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
            Self::TooSlow { after, moved } => {
                write!(f, ": not complete after {after:.0?} ({moved} bytes)")
            }
            Self::Refused
            | Self::Connect
            | Self::ConnectTimedOut
            | Self::Hung
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

/// What happened to an exchange, in the operator's words, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Happened {
    words: String,
    pub(crate) next: &'static str,
}

impl Happened {
    pub(crate) fn new(cause: TransportCause, error: &reqwest::Error) -> Self {
        let below = || {
            let mut below: &dyn std::error::Error = error;
            while let Some(next) = below.source() {
                below = next;
            }
            below.to_string()
        };
        let mut next = cause.next();
        let words = match cause {
            TransportCause::Refused => {
                "the connection was refused (nothing listens there)".to_owned()
            }
            TransportCause::ConnectTimedOut => "there was no connection in time".to_owned(),
            TransportCause::Hung => {
                "it accepted the connection and did not answer in TLS".to_owned()
            }
            TransportCause::Reset => {
                "the connection was closed before the answer was complete".to_owned()
            }
            TransportCause::Tls => match tls_error(error) {
                Some(tls) => {
                    if is_unsupported(&tls) {
                        next = SUPPORTED;
                    }
                    if is_ca_as_leaf(&tls) {
                        next = "give the server a certificate of its own, or one with CA:FALSE; or \
                                name this very certificate as cacert";
                    }
                    words(&tls)
                }
                None => below(),
            },
            TransportCause::Connect | TransportCause::Other if is_unresolved(&below()) => {
                next = "check the name, and this machine's DNS";
                "the name does not resolve".to_owned()
            }
            TransportCause::Other if speaks_no_http(error) => {
                next = "check the port: what answers there is not an HTTP server";
                "it did not answer in HTTP".to_owned()
            }
            TransportCause::Connect => format!("there is no connection ({})", below()),
            TransportCause::Other => format!("the exchange broke off ({})", below()),
            TransportCause::Source
            | TransportCause::Stalled { .. }
            | TransportCause::TooSlow { .. } => below(),
        };
        tracing::debug!(?error, "no answer");
        Self { words, next }
    }
}

fn speaks_no_http(error: &reqwest::Error) -> bool {
    let below = std::iter::successors(std::error::Error::source(error), |one| one.source());
    below.filter_map(|one| one.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse)
}

/// Returns the error of TLS among the causes.
fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    let mut next = std::error::Error::source(error);
    while let Some(one) = next {
        let mut inside = Some(one);
        // The error inside an I/O error is not its source.
        while let Some(error) = inside {
            if let Some(found) = error.downcast_ref::<rustls::Error>() {
                return Some(found.clone());
            }
            let io = error.downcast_ref::<io::Error>();
            let below = io.and_then(io::Error::get_ref);
            inside = below.map(|below| below as &(dyn std::error::Error + 'static));
        }
        next = one.source();
    }
    None
}

/// There was no more progress.
#[derive(Debug, thiserror::Error)]
#[error("the transfer stalled")]
pub(crate) struct Stalled;

/// The whole took too long.
#[derive(Debug, thiserror::Error)]
#[error("it answers too slowly")]
pub(crate) struct TooSlow;
