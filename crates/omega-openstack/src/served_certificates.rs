//! The certificates that a server shows, and whether a client accepts them.

#![allow(clippy::single_match_else, reason = "it reads better so")]

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use omega_core::{
    Touched,
    tls::{CertificateFacts, TrustedCertificates, certificates, client_with, signed_by_any, words},
};
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::{CloudConfig, Error, Limits, TransportCause, session::given_ca};

/// Reads the certificates of servers. Nothing is sent but the handshake of TLS.
///
/// # Guarantees
///
/// Certificates are always verified, whatever the cloud's configuration says. No proxy is used.
#[derive(Clone)]
pub struct CertificateReader {
    trust: Arc<dyn ServerCertVerifier>,
    limits: Limits,
}

impl fmt::Debug for CertificateReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateReader").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedCertificates {
    /// Its own certificate, then those between it and its CA, as it sent them.
    pub chain: Vec<CertificateFacts>,
    /// Why they are not accepted, in words; `None` if they are.
    pub refused: Option<String>,
}

impl ServedCertificates {
    /// Returns its own certificate; `None` if it can't be read.
    pub fn own(&self) -> Option<&CertificateFacts> {
        self.chain.first()
    }
}

impl CertificateReader {
    /// Returns a reader that trusts the CA of the cloud, or the machine's own.
    ///
    /// # Errors
    ///
    /// Fails if the CA can't be used.
    pub fn of_cloud(config: &CloudConfig, limits: Limits) -> Result<Self, Error> {
        Self::with(given_ca(config)?, &config.cloud, limits)
    }

    /// Returns a reader that trusts the CA `pem`, or the machine's own. `name`: of what is asked, for
    /// errors.
    ///
    /// # Errors
    ///
    /// Fails if the CA can't be used.
    pub fn trusting(pem: Option<Vec<u8>>, name: &str, limits: Limits) -> Result<Self, Error> {
        Self::with(pem.map(|pem| (pem, format!("the CA of {name}"))), name, limits)
    }

    fn with(ca: Option<(Vec<u8>, String)>, cloud: &str, limits: Limits) -> Result<Self, Error> {
        let unusable = |why: String| Error::Tls { cloud: cloud.to_owned(), why };
        let trust: Arc<dyn ServerCertVerifier> = match ca {
            Some((pem, name)) => {
                let all =
                    certificates(&pem).map_err(|error| unusable(format!("{name} {error}")))?;
                let trusted = TrustedCertificates::new(all);
                Arc::new(trusted.map_err(|error| unusable(format!("{name}: {error}")))?)
            }
            None => {
                let machine = rustls_native_certs::load_native_certs().certs;
                let trusted = signed_by_any(machine);
                trusted.map_err(|error| unusable(format!("the machine's CAs: {error}")))?
            }
        };
        Ok(Self { trust, limits })
    }

    /// Reads the certificates of the server at `url`, for the name or address in it.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if there is no connection ([`TransportCause::Tls`]: the server does not speak
    /// TLS). Certificates that are not accepted are no error.
    pub async fn read(&self, url: &Url) -> Result<ServedCertificates, Error> {
        let (name, stream) = self.connect(url).await?;
        let recorder =
            Arc::new(Recorder { trust: Arc::clone(&self.trust), seen: Mutex::default() });
        let config = client_with(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
        let config = config.map_err(|error| unreachable(url, TransportCause::Tls, error))?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let ended = timeout(self.limits.ask, handshake).await;
        let seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let failed = match ended {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(io::Error::new(io::ErrorKind::TimedOut, "no answer in TLS in time")),
        };
        match (seen, failed) {
            (Some(seen), failed) => {
                let chain = seen.chain.iter().filter_map(|one| CertificateFacts::of(one)).collect();
                // A client certificate that the server wants is not the server's fault.
                let proof = failed.as_ref().and_then(tls_error).filter(|error| {
                    matches!(
                        error,
                        rustls::Error::InvalidCertificate(CertificateError::BadSignature)
                    )
                });
                let refused = seen.refused.or_else(|| proof.map(words));
                Ok(ServedCertificates { chain, refused })
            }
            (None, Some(error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(unreachable(url, TransportCause::Hung, error))
            }
            (None, Some(error)) => match tls_error(&error).map(words) {
                Some(words) => Err(unreachable(url, TransportCause::Tls, io::Error::other(words))),
                None => Err(unreachable(url, TransportCause::Reset, error)),
            },
            (None, None) => {
                let none = io::Error::other("the server has no certificate");
                Err(unreachable(url, TransportCause::Tls, none))
            }
        }
    }

    async fn connect(&self, url: &Url) -> Result<(ServerName<'static>, TcpStream), Error> {
        let port = url.port_or_known_default().unwrap_or(443);
        let invalid = || {
            let why = io::Error::other("it has no host that a certificate can be for");
            unreachable(url, TransportCause::Other, why)
        };
        let host = match url.host().ok_or_else(invalid)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let name = ServerName::try_from(host.clone()).map_err(|_| invalid())?;
        let connecting = TcpStream::connect((host.as_str(), port));
        let stream = match timeout(self.limits.connect, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(unreachable(url, TransportCause::Refused, error));
            }
            Ok(Err(error)) => return Err(unreachable(url, TransportCause::Connect, error)),
            Err(late) => return Err(unreachable(url, TransportCause::ConnectTimedOut, late)),
        };
        Ok((name, stream))
    }
}

/// Keeps what the server showed, and passes on what the trust says of it.
#[derive(Debug)]
struct Recorder {
    trust: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    refused: Option<String>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.trust.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let all = std::iter::once(end_entity).chain(intermediates);
        let chain = all.map(|one| one.clone().into_owned()).collect();
        let refused = verified.as_ref().err().map(words);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { chain, refused });
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn unreachable(
    url: &Url,
    cause: TransportCause,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Unreachable {
        request: "a handshake of TLS".to_owned(),
        url: url.origin().ascii_serialization(),
        cause,
        touched: Touched::Nothing,
        source: Box::new(source),
    }
}

#[cfg(test)]
#[path = "served_certificates_tests.rs"]
mod tests;
