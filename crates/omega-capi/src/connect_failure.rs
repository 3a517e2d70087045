//! Why no answer came, as data.

use std::{error::Error, io};

use rustls::CertificateError;
use serde::{Deserialize, Serialize};

use crate::upstream_messages::{is_incomplete, is_of_resolver};

/// Why a server can't be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectFailure {
    /// Something answered, and refused the connection.
    Refused,
    /// The connection broke.
    Reset,
    /// Nothing answered.
    TimedOut,
    /// There is no route.
    NoRoute,
    /// The name has no address.
    NotResolved,
    /// The server's certificate is by an authority that the kubeconfig does not name.
    UnknownAuthority,
    /// The server's certificate has ended, or has not begun.
    NotValidNow,
    /// The server's certificate does not cover the address.
    OtherName,
    /// TLS failed in another way.
    Tls,
    /// Something else.
    Other,
}

impl ConnectFailure {
    /// Returns what an error and its sources say.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut found = Self::Other;
        let mut next = Some(error);
        while let Some(error) = next {
            found = found.or(one(error));
            next = error.source();
        }
        found
    }

    fn or(self, other: Self) -> Self {
        if self == Self::Other { other } else { self }
    }

    /// Returns whether it is about the server's certificate.
    pub fn is_certificate(self) -> bool {
        matches!(self, Self::UnknownAuthority | Self::NotValidNow | Self::OtherName)
    }

    /// Returns what to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "its certificate is by another authority: check the address, and the CA in the \
                 kubeconfig"
            }
            Self::NotValidNow => {
                "its certificate is not valid now: renew it (kubeadm certs renew apiserver), and \
                 check this machine's clock"
            }
            Self::OtherName => {
                "its certificate does not cover this address: use an address that it covers, or \
                 add this one to the API server's certSANs"
            }
            Self::Tls => "check that it is the address of an API server, and not of a proxy",
            Self::NotResolved => "check the name, and this machine's DNS",
            Self::Refused => "nothing listens there: is the API server running? check the port too",
            Self::Reset | Self::TimedOut | Self::NoRoute | Self::Other => {
                "check the address, the security group and the machine behind it; is it running?"
            }
        }
    }
}

fn one(error: &(dyn Error + 'static)) -> ConnectFailure {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return of_tls(tls);
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        let inner = io.get_ref().map_or(ConnectFailure::Other, of_inner);
        return inner.or(of_kind(io));
    }
    let words = error.to_string();
    if is_of_resolver(&words) {
        ConnectFailure::NotResolved
    } else if is_incomplete(&words) {
        ConnectFailure::Reset
    } else {
        ConnectFailure::Other
    }
}

/// An error of input and output hides the one in it from `source`.
fn of_inner(error: &(dyn Error + Send + Sync + 'static)) -> ConnectFailure {
    match error.downcast_ref::<rustls::Error>() {
        Some(tls) => of_tls(tls),
        None => ConnectFailure::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of errors are open")]
fn of_kind(error: &io::Error) -> ConnectFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => ConnectFailure::Reset,
        io::ErrorKind::TimedOut => ConnectFailure::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => ConnectFailure::NoRoute,
        _ if is_of_resolver(&error.to_string()) => ConnectFailure::NotResolved,
        _ => ConnectFailure::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are TLS itself")]
fn of_tls(error: &rustls::Error) -> ConnectFailure {
    let rustls::Error::InvalidCertificate(error) = error else { return ConnectFailure::Tls };
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            ConnectFailure::UnknownAuthority
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => ConnectFailure::NotValidNow,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ConnectFailure::OtherName
        }
        _ => ConnectFailure::Tls,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::CertificateError;

    use super::ConnectFailure;

    #[test]
    fn a_cause_is_found_however_deep_it_is() {
        let kind = |kind| io::Error::from(kind);
        let tls = |error| {
            io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(error))
        };
        let cases = [
            (kind(io::ErrorKind::ConnectionRefused), ConnectFailure::Refused),
            (kind(io::ErrorKind::ConnectionReset), ConnectFailure::Reset),
            (kind(io::ErrorKind::TimedOut), ConnectFailure::TimedOut),
            (kind(io::ErrorKind::HostUnreachable), ConnectFailure::NoRoute),
            (kind(io::ErrorKind::PermissionDenied), ConnectFailure::Other),
            (tls(CertificateError::UnknownIssuer), ConnectFailure::UnknownAuthority),
            (tls(CertificateError::Expired), ConnectFailure::NotValidNow),
            (tls(CertificateError::NotValidForName), ConnectFailure::OtherName),
            (tls(CertificateError::BadEncoding), ConnectFailure::Tls),
            (
                io::Error::other("failed to lookup address information: Name or service not known"),
                ConnectFailure::NotResolved,
            ),
        ];
        for (error, expected) in cases {
            let text = error.to_string();
            let kube = kube::Error::Service(Box::new(error));
            assert_eq!(ConnectFailure::of(&kube), expected, "{text}");
        }
    }
}
