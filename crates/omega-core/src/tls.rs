//! Which certificates are accepted and used, and why one is not, in the operator's words.

mod certificate_facts;

use std::{fmt, sync::Arc};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage,
    RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};
use x509_parser::{parse_x509_certificate, time::ASN1Time};

use crate::{
    pem::{self, Block},
    private_key,
    values::Secret,
};

pub use certificate_facts::CertificateFacts;

/// What to do about a certificate or a key that is right, and that omega's TLS does not have.
pub const SUPPORTED: &str = "use certificates of X.509 version 3 with keys of RSA (2048 bits or more), \
    P-256, P-384 or Ed25519, signed with SHA-256 or better";

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
        client_with(Arc::new(self))
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

/// Returns the configuration of a client that accepts what `verifier` accepts, without a certificate of its own.
///
/// # Errors
///
/// Fails if the process's cryptography has no common version of TLS.
pub fn client_with(
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, UnusableCertificates> {
    let config =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.map_err(|error| UnusableCertificates(words(&error)))?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    Ok(config.with_no_client_auth())
}

/// Returns what accepts the certificates that these CAs signed: those of a machine, of which some may be
/// unreadable.
///
/// # Errors
///
/// Fails if none of them can be used.
pub fn signed_by_any(
    cas: Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, UnusableCertificates> {
    let mut roots = RootCertStore::empty();
    let (_, _) = roots.add_parsable_certificates(cas);
    let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    Ok(signed.build().map_err(|error| UnusableCertificates(error.to_string()))?)
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

/// Returns the certificates in a file of CAs, in DER.
///
/// # Errors
///
/// Fails if it has none, or none in the common form. The words follow the file's name.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, UnusableCertificates> {
    let unusable = |why: &str| Err(UnusableCertificates(why.to_owned()));
    let Some(blocks) = pem::blocks(pem) else {
        return unusable("is not a file of certificates in PEM");
    };
    let of_openssl = blocks.iter().any(Block::is_openssl_certificate);
    let all: Vec<_> = blocks.into_iter().filter(Block::is_certificate).collect();
    match (all.is_empty(), of_openssl) {
        (false, _) => Ok(all.into_iter().map(|one| one.der.into()).collect()),
        (true, true) => unusable(
            "has its certificates in OpenSSL's own format (BEGIN TRUSTED CERTIFICATE), which omega does not \
             read: convert each to the standard one (openssl x509 -in FILE -out CA.pem)",
        ),
        (true, false) => unusable("has no certificate"),
    }
}

/// Returns what a client shows of itself: its certificates and its key, in PEM.
///
/// rustls would refuse a certificate of X.509 version 1, which servers accept: what is shown is the
/// server's to judge.
///
/// # Errors
///
/// Fails if there is no certificate, or no key of a kind that omega's TLS has.
pub fn client_identity(
    certificate_pem: &[u8],
    key_pem: &Secret,
) -> Result<Arc<dyn ResolvesClientCert>, UnusableCertificates> {
    let chain = certificates(certificate_pem)
        .map_err(|error| UnusableCertificates(format!("its client certificate {error}")))?;
    let no_key = |why: &str| UnusableCertificates(format!("its client key {why}"));
    let keys = pem::blocks(key_pem.expose()).unwrap_or_default();
    let der = keys.into_iter().find(Block::is_key).map(|block| block.der);
    let der = der.ok_or_else(|| no_key("is not a key in PEM"))?;
    let is_p521 = private_key::is_p521(&der);
    let der = PrivateKeyDer::try_from(der).map_err(|_| no_key("can't be read"))?;
    let key = provider().key_provider.load_private_key(der).map_err(|_| {
        let kind = if is_p521 { "on a curve (P-521)" } else { "of a kind or size" };
        no_key(&format!("is {kind} that omega's TLS (rustls with ring) does not have: {SUPPORTED}"))
    })?;
    Ok(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))))
}

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

/// Returns whether a server's certificate may be right, and has something that omega's TLS does not have:
/// then [`SUPPORTED`] says what to do.
pub fn is_unsupported(error: &Error) -> bool {
    let Error::InvalidCertificate(certificate) = error else { return false };
    matches!(
        certificate,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
            | CertificateError::UnhandledCriticalExtension
    ) || wraps(error, "Unsupported")
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
        Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server ended the TLS handshake (handshake failure): it has no certificate, cipher or \
             version of TLS that omega has too (omega has no keys on the curve P-521)"
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
            let names = presented.iter().map(|name| bare(name).trim());
            let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return "its certificate has no name in its subjectAltName, and names elsewhere do not count"
                    .to_owned();
            }
            return format!("its certificate covers {} and not this address", names.join(", "));
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for servers"
        }
        _ if is_ca_as_leaf(error) => {
            "its certificate is a CA's (CA:TRUE) and not the trusted one itself"
        }
        _ if wraps(error, "UnsupportedCertVersion") => {
            "its certificate is of X.509 version 1, and omega's TLS (rustls) takes version 3 only"
        }
        CertificateError::UnhandledCriticalExtension => CRITICAL,
        _ if wraps(error, "UnsupportedCriticalExtension") => CRITICAL,
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id, ..
        } => {
            let algorithm = algorithm(signature_algorithm_id);
            return format!("its certificate is signed with {algorithm}, which {NOT_HAD}");
        }
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            public_key_algorithm_id,
            ..
        } => {
            let algorithm = algorithm(public_key_algorithm_id);
            return format!("its CA signs with {algorithm}, which {NOT_HAD}");
        }
        CertificateError::BadEncoding => "its certificate is not readable",
        other => {
            tracing::debug!(?other, "certificate not accepted");
            "its certificate has a part that omega's TLS (rustls) does not accept; `openssl x509 -text` shows \
             all of them"
        }
    };
    plain.to_owned()
}

const NOT_HAD: &str = "omega's TLS (rustls with ring) does not have";

const CRITICAL: &str = "its certificate, or its CA's, has a critical extension that omega's TLS (rustls) does \
    not know, and such a certificate must not be accepted";

/// Returns the name of an algorithm from its identifier in DER (RFC 5280, 4.1.1.2).
fn algorithm(id: &[u8]) -> &'static str {
    let known: [(&[u8], &str); 8] = [
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "RSA-PSS of unusual parameters"),
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "RSA and SHA-1"),
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "RSA and MD5"),
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", "RSA and SHA-224"),
        (b"\x2a\x86\x48\xce\x3d\x04\x01", "ECDSA and SHA-1"),
        (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", "ECDSA and SHA-512"),
        (b"\x2b\x81\x04\x00\x23", "P-521"),
        (b"\x2b\x65\x71", "Ed448"),
    ];
    let found = known.iter().find(|(oid, _)| id.windows(oid.len()).any(|part| part == *oid));
    found.map_or("a rare algorithm", |(_, name)| name)
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
