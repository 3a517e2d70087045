//! Which server certificates are accepted, and why one is not, in the operator's words.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_parser::{parse_x509_certificate, time::ASN1Time};

/// Accepts what the CAs signed, and a server certificate that is itself the trusted one.
///
/// `openssl req -x509` makes a self-signed certificate with `CA:TRUE`. OpenSSL and Go accept it from a
/// server that it is trusted for; webpki refuses every CA as a server's own certificate. Its dates, its
/// names and what it may be used for are checked in either case.
#[derive(Debug)]
pub struct TrustedCertificates {
    signed: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl TrustedCertificates {
    /// Trusts these certificates, in DER.
    ///
    /// # Errors
    ///
    /// Fails if none of them is a certificate.
    pub fn new(trusted: Vec<CertificateDer<'static>>) -> Result<Self, UnusableCertificates> {
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone()).map_err(|error| UnusableCertificates(words(&error)))?;
        }
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let signed = signed.build().map_err(|error| UnusableCertificates(error.to_string()))?;
        Ok(Self { signed, trusted })
    }

    /// Returns the configuration of a client that trusts them, without a certificate of its own.
    ///
    /// # Errors
    ///
    /// Fails if the process's cryptography has no common version of TLS.
    pub fn client(self) -> Result<ClientConfig, UnusableCertificates> {
        let config =
            ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(|error| UnusableCertificates(words(&error)))?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(self));
        Ok(config.with_no_client_auth())
    }

    /// Checks a server certificate that is one of the trusted: nobody else signed it.
    fn verify_itself(
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refuse = |why: CertificateError| Err(Error::InvalidCertificate(why));
        let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
            return refuse(CertificateError::BadEncoding);
        };
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let now = ASN1Time::from_timestamp(seconds).map_err(|_| Error::FailedToGetCurrentTime)?;
        let validity = parsed.validity();
        if now < validity.not_before {
            return refuse(CertificateError::NotValidYet);
        }
        if now > validity.not_after {
            return refuse(CertificateError::Expired);
        }
        let Ok(usage) = parsed.extended_key_usage() else {
            return refuse(CertificateError::BadEncoding);
        };
        if usage.is_some_and(|usage| !(usage.value.server_auth || usage.value.any)) {
            return refuse(CertificateError::InvalidPurpose);
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for TrustedCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed = self.signed.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match signed {
            Err(error) if is_ca_as_leaf(&error) && self.trusted.contains(end_entity) => {
                Self::verify_itself(end_entity, server_name, now)
            }
            signed => signed,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Certificates that can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableCertificates(String);

/// Returns the process's cryptography, ring's if none was installed.
fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// Returns whether a server's certificate was refused because it is a CA's.
///
/// Source: rustls-webpki 0.103, `src/error.rs`, `Error::CaUsedAsEndEntity`, which rustls 0.23 wraps in
/// `CertificateError::Other`.
pub fn is_ca_as_leaf(error: &Error) -> bool {
    wraps(error, "CaUsedAsEndEntity")
}

fn wraps(error: &Error, webpki: &str) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{other:?}").contains(webpki))
}

/// Returns why a TLS connection failed, in the operator's words.
#[expect(clippy::wildcard_enum_match_arm, reason = "rustls has a hundred errors, and adds more")]
pub fn words(error: &Error) -> String {
    let plain = match error {
        Error::InvalidCertificate(certificate) => return certificate_words(error, certificate),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS on this port"
        }
        Error::InvalidMessage(_) => "the server's TLS handshake can't be understood",
        Error::PeerIncompatible(_) => {
            "the server has no TLS version or cipher in common with omega"
        }
        Error::NoCertificatesPresented => "the server has no certificate",
        Error::InvalidEncryptedClientHello(_) | Error::PeerMisbehaved(_) => {
            "the server broke the rules of TLS"
        }
        Error::AlertReceived(alert) => {
            let alert = Spaced(format!("{alert:?}"));
            return format!("the server ended the TLS handshake ({alert})");
        }
        other => return format!("TLS failed: {other}"),
    };
    plain.to_owned()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are rare, and named as rustls does")]
fn certificate_words(error: &Error, certificate: &CertificateError) -> String {
    let plain = match certificate {
        CertificateError::UnknownIssuer => "its certificate is not signed by a trusted CA",
        CertificateError::BadSignature => {
            "its certificate is not signed by the trusted CA of that name (was the CA renewed?)"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName => "its certificate does not cover this address",
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
            return format!("its certificate covers {} and not this address", names.join(", "));
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for servers"
        }
        _ if is_ca_as_leaf(error) => {
            "its certificate is a CA's (CA:TRUE) and not the trusted one itself"
        }
        _ if wraps(error, "UnsupportedCertVersion") => {
            "its certificate is of X.509 version 1, and version 3 is needed"
        }
        CertificateError::BadEncoding => "its certificate is not readable",
        other => return format!("its certificate is not accepted: {other}"),
    };
    plain.to_owned()
}

/// Returns `DnsName("a")` and `IpAddress(10.0.0.1)` as `a` and `10.0.0.1`.
///
/// Source: rustls-webpki 0.103, `src/subject_name/mod.rs`, `Debug` of `GeneralName`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"')
}

/// `BadCertificate` as `bad certificate`.
struct Spaced(String);

impl fmt::Display for Spaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, c) in self.0.chars().enumerate() {
            if c.is_ascii_uppercase() && nth > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}", c.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
