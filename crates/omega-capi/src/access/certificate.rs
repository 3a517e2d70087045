use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use omega_core::chain;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::{ConnectFailure, Error, Verb};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

/// The result of verifying a server's certificate with one CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CertificateCheck {
    /// It is valid for this name or address.
    Covers,
    /// It is only valid for these names and addresses.
    OtherName(Vec<String>),
    /// Another CA signed it.
    OtherAuthority,
    /// It is not valid, now or at all.
    NotValid(String),
}

/// Accepts and records any certificate. It only verifies that the server has the key.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    received: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = [leaf].into_iter().chain(others).map(|one| one.clone().into_owned());
        *self.received.lock().unwrap_or_else(PoisonError::into_inner) = all.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies the certificate of `host`:`port` with the CA `ca_pem`, by a TLS handshake only.
///
/// # Errors
///
/// [`Error::Unreachable`] without a certificate, [`Error::Config`] if `ca_pem` is invalid.
pub(super) async fn certificate(
    host: &str,
    port: u16,
    ca_pem: &str,
    within: Duration,
) -> Result<CertificateCheck, Error> {
    let server = format!("https://{host}:{port}");
    let config = |why: String| Error::Config { server: server.clone(), why };
    let unreachable = |cause, why: String| Error::Unreachable {
        server: server.clone(),
        verb: Verb::Get,
        cause,
        why,
    };
    let provider = Arc::new(ring::default_provider());
    let recorder = Recorder { provider: Arc::clone(&provider), received: Mutex::default() };
    let recorder = Arc::new(recorder);
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| config(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as _)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| config(error.to_string()))?;
    let handshake = async {
        let stream = TcpStream::connect((host, port)).await?;
        TlsConnector::from(Arc::new(client)).connect(name.clone(), stream).await
    };
    let late = |_| unreachable(ConnectFailure::TimedOut, format!("no answer in {within:?}"));
    let failed =
        |error: io::Error| unreachable(ConnectFailure::of(&error), chain(&error).join(": "));
    drop(timeout(within, handshake).await.map_err(late)?.map_err(failed)?);
    let received = recorder.received.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((leaf, others)) = received.split_first() else {
        return Err(unreachable(ConnectFailure::Tls, "no certificate".to_owned()));
    };
    judge(leaf, others, &name, ca_pem, provider).map_err(config)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others mean that it is not valid")]
fn judge(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    ca_pem: &str,
    provider: Arc<CryptoProvider>,
) -> Result<CertificateCheck, String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let root = root.map_err(|error| format!("the kubeconfig's CA can't be read: {error}"))?;
        roots.add(root).map_err(|error| format!("the kubeconfig's CA can't be used: {error}"))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|error| format!("the kubeconfig's CA: {error}"))?;
    let judged = verifier.verify_server_cert(leaf, others, name, &[], UnixTime::now());
    Ok(match judged {
        Ok(_) => CertificateCheck::Covers,
        Err(error) => match ConnectFailure::of(&error) {
            ConnectFailure::OtherName => CertificateCheck::OtherName(names(leaf)),
            ConnectFailure::UnknownAuthority => CertificateCheck::OtherAuthority,
            _ => CertificateCheck::NotValid(error.to_string()),
        },
    })
}

/// Returns the names and addresses in a certificate.
fn names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(leaf) else {
        return Vec::new();
    };
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.into_iter().flat_map(|extension| &extension.value.general_names);
    let one = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|all| IpAddr::from(all).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|all| IpAddr::from(all).to_string()),
        },
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    };
    names.filter_map(one).collect()
}
