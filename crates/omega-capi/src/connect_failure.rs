use std::{error::Error, io};

use omega_core::tls::{SUPPORTED, is_ca_as_leaf, is_unsupported, words};
use rustls::CertificateError;
use serde::{Deserialize, Serialize};

use crate::upstream_messages::{is_connecting, is_incomplete, is_resolver_failure, subject_name};

/// Why a server can't be reached, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The connection was refused.
    Refused,
    /// The connection was reset, or closed early.
    Reset,
    /// There was no connection in time.
    TimedOut,
    /// There was a connection, and nothing was answered in time.
    Hung,
    /// No route to the host or its network.
    NoRoute,
    /// The name does not resolve.
    NotResolved,
    /// The server's certificate is not signed by the CA of the kubeconfig.
    UnknownAuthority,
    /// The server's certificate has expired or is not yet valid.
    NotValidNow,
    /// The server's certificate does not cover the address.
    OtherName,
    /// The server's certificate is a CA's, and not the one of the kubeconfig.
    CaAsLeaf,
    /// The server's certificate is not accepted for another reason.
    Certificate,
    /// The server's certificate has something that omega's TLS does not have.
    Unsupported,
    /// Another TLS failure.
    Tls,
    /// Anything else.
    Other,
}

impl ConnectFailure {
    /// Classifies an error by the first of its sources that is known.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let found = chain(error).map(classify).find(|found| *found != Self::Other);
        let found = found.unwrap_or(Self::Other);
        let connecting = || chain(error).any(|one| is_connecting(&one.to_string()));
        if found == Self::TimedOut && !connecting() { Self::Hung } else { found }
    }

    /// Returns what happened in the operator's words, if no library says it better.
    pub(crate) fn words(self, error: &(dyn Error + 'static)) -> Option<String> {
        let plain = match self {
            Self::Refused => "the connection was refused",
            Self::Reset => "the connection was closed before the answer was complete",
            Self::TimedOut => "there was no connection",
            Self::Hung => "it accepted the connection and did not answer",
            Self::NotResolved => "the name does not resolve",
            Self::UnknownAuthority
            | Self::NotValidNow
            | Self::OtherName
            | Self::CaAsLeaf
            | Self::Certificate
            | Self::Unsupported
            | Self::Tls => {
                return tls_words(error);
            }
            Self::NoRoute => "there is no route to it",
            Self::Other => return None,
        };
        Some(plain.to_owned())
    }

    /// Returns whether it is about the server's certificate.
    pub(crate) fn is_of_certificate(self) -> bool {
        match self {
            Self::UnknownAuthority
            | Self::NotValidNow
            | Self::OtherName
            | Self::CaAsLeaf
            | Self::Certificate
            | Self::Unsupported => true,
            Self::Refused
            | Self::Reset
            | Self::TimedOut
            | Self::Hung
            | Self::NoRoute
            | Self::NotResolved
            | Self::Tls
            | Self::Other => false,
        }
    }

    /// Returns what to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "another CA signed its certificate: check the address, and the CA in the kubeconfig \
                 (without one there, only the CAs of this machine count)"
            }
            Self::NotValidNow => {
                "its certificate is not valid now: renew it (kubeadm certs renew apiserver), and \
                 check this machine's clock"
            }
            Self::OtherName => {
                "its certificate does not cover this address: use one that it covers, or add this \
                 one to the API server's certSANs"
            }
            Self::CaAsLeaf => {
                "give the server a certificate of its own, or one with CA:FALSE; or make this very \
                 certificate the CA of the kubeconfig"
            }
            Self::Certificate => "give the server a certificate that TLS clients accept",
            Self::Unsupported => SUPPORTED,
            Self::Hung => {
                "the port is open, and what is behind it hangs or is overloaded: look at the API server, \
                 its etcd, and the proxy or load balancer in front of it"
            }
            Self::Tls => "check that it is the address of an API server, and not of a proxy",
            Self::NotResolved => "check the name, and this machine's DNS",
            Self::Refused => {
                "nothing listens there: check the port, and that the API server is running"
            }
            Self::Reset | Self::TimedOut | Self::NoRoute | Self::Other => {
                "check the address, the security groups, and that the machine behind it is running"
            }
        }
    }
}

/// Returns what TLS says, in the operator's words, if a failure of it is among the causes.
pub(crate) fn tls_words(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).find_map(|error| error.downcast_ref()).map(words)
}

/// Returns an error and its sources, also those inside an [`io::Error`], whose `source` skips them.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inside| inside as &(dyn Error + 'static)),
        None => (**error).source(),
    })
}

fn classify(error: &(dyn Error + 'static)) -> ConnectFailure {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return of_tls(tls);
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return of_kind(io);
    }
    let message = error.to_string();
    if is_resolver_failure(&message) {
        ConnectFailure::NotResolved
    } else if is_incomplete(&message) {
        ConnectFailure::Reset
    } else {
        ConnectFailure::Other
    }
}

/// Returns the names in the server's certificate, if it was refused because it has another name.
pub(crate) fn certificate_names(error: &(dyn Error + 'static)) -> Vec<String> {
    match chain(error).find_map(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) => presented.iter().filter_map(|name| subject_name(name)).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`ErrorKind` is non-exhaustive")]
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
        _ if is_resolver_failure(&error.to_string()) => ConnectFailure::NotResolved,
        _ => ConnectFailure::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are failures of TLS itself")]
fn of_tls(error: &rustls::Error) -> ConnectFailure {
    if is_ca_as_leaf(error) {
        return ConnectFailure::CaAsLeaf;
    }
    if is_unsupported(error) {
        return ConnectFailure::Unsupported;
    }
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
        _ => ConnectFailure::Certificate,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::CertificateError;

    use super::ConnectFailure;

    /// As hyper-util's.
    #[derive(Debug, thiserror::Error)]
    #[error("tcp connect error")]
    struct Connecting(#[source] io::Error);

    #[test]
    fn a_cause_is_found_however_deep_it_is() {
        let kind = |kind| io::Error::from(kind);
        let tls = |error| {
            io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(error))
        };
        let nested = io::Error::other(tls(CertificateError::UnknownIssuer));
        let cases = [
            (nested, ConnectFailure::UnknownAuthority),
            (kind(io::ErrorKind::ConnectionRefused), ConnectFailure::Refused),
            (kind(io::ErrorKind::ConnectionReset), ConnectFailure::Reset),
            (kind(io::ErrorKind::TimedOut), ConnectFailure::Hung),
            (kind(io::ErrorKind::HostUnreachable), ConnectFailure::NoRoute),
            (kind(io::ErrorKind::PermissionDenied), ConnectFailure::Other),
            (tls(CertificateError::UnknownIssuer), ConnectFailure::UnknownAuthority),
            (tls(CertificateError::Expired), ConnectFailure::NotValidNow),
            (tls(CertificateError::NotValidForName), ConnectFailure::OtherName),
            (tls(CertificateError::BadEncoding), ConnectFailure::Certificate),
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
        let connecting = Connecting(kind(io::ErrorKind::TimedOut));
        let kube = kube::Error::Service(Box::new(connecting));
        assert_eq!(ConnectFailure::of(&kube), ConnectFailure::TimedOut, "no connection at all");
    }
}
