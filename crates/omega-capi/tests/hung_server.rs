//! An API server that hangs, one that is not there, and a client certificate of X.509 version 1.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_capi::{ConnectFailure, Deadlines, Error, Management};
use omega_core::{Diagnostic as _, kubeconfig::Kubeconfig};

use self::tls_server::{Serve, kubeconfig, listen};

mod tls_server;

const HOST: &str = "127.44.1.3";

async fn error(kubeconfig: &Kubeconfig) -> (Error, Duration) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let deadlines = Deadlines::within(Duration::from_secs(15), Duration::from_millis(1200));
    let management = Management::connect_within(kubeconfig, deadlines).await.unwrap();
    let start = Instant::now();
    (management.time().await.unwrap_err(), start.elapsed())
}

#[tokio::test]
async fn a_server_that_hangs_is_told_within_the_deadline_of_a_question() {
    let (_listener, server) = listen(HOST);
    let (error, took) = error(&kubeconfig(&server, None, "{token: t}")).await;
    assert!(
        matches!(error, Error::Unreachable { cause: ConnectFailure::Hung, .. }),
        "{error:?} after {took:?}"
    );
    assert!(error.timed_out());
    assert!(took < Duration::from_secs(12), "{took:?}");
    let shown = error.to_string();
    assert!(shown.contains("it accepted the connection and did not answer within 8"), "{shown}");
    assert!(error.next().unwrap().contains("the port is open"), "{:?}", error.next());
}

#[tokio::test]
async fn and_one_that_is_not_there_is_not() {
    let (listener, server) = listen(HOST);
    drop(listener);
    let (error, took) = error(&kubeconfig(&server, None, "{token: t}")).await;
    assert!(
        matches!(error, Error::Unreachable { cause: ConnectFailure::Refused, .. }),
        "{error:?}"
    );
    assert!(took < Duration::from_secs(12), "{took:?}");
}

mod any {
    use rustls::{
        DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
        client::danger::HandshakeSignatureValid,
        pki_types::{CertificateDer, UnixTime},
        server::danger::{ClientCertVerified, ClientCertVerifier},
    };

    /// Leaves certificates to others to judge, as the tools' servers do.
    #[derive(Debug)]
    pub(super) struct AnyClient;

    impl ClientCertVerifier for AnyClient {
        fn root_hint_subjects(&self) -> &[DistinguishedName] {
            &[]
        }

        fn verify_client_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: UnixTime,
        ) -> Result<ClientCertVerified, Error> {
            Ok(ClientCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
        }
    }
}

/// `openssl x509 -req` without extensions makes version 1.
#[tokio::test]
async fn a_client_certificate_of_version_1_is_shown() {
    let clients = Arc::new(any::AnyClient);
    let (url, pem) = Serve { clients, wants_certificate: true, ..Serve::at(HOST) }.start(HOST);
    let admin = include_str!("../../omega-core/fixtures/kube/admin.yaml");
    let field =
        |key: &str| admin.lines().find(|line| line.contains(key)).unwrap().trim().to_owned();
    let user = format!("{{{}, {}}}", field("client-certificate-data"), field("client-key-data"));
    let management = Management::connect(&kubeconfig(&url, Some(&pem), &user)).await.unwrap();
    assert_eq!(management.time().await.unwrap().to_string(), "2026-11-28T12:00:00Z");
}

#[tokio::test]
async fn a_client_key_that_tls_does_not_have_is_said_to_be_that() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let part = |pem: &str| STANDARD.encode(pem);
    let user = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        part(include_str!("../../omega-core/fixtures/tls/p521.crt")),
        part(include_str!("../../omega-core/fixtures/tls/p521.key"))
    );
    let error = Management::connect(&kubeconfig("https://h:6443", None, &user)).await.unwrap_err();
    insta::assert_snapshot!(error, @"could not create a client for https://h:6443/ (context c): its client key is on a curve (P-521) that omega's TLS (rustls with ring) does not have: use certificates of X.509 version 3 with keys of RSA (2048 bits or more), P-256, P-384 or Ed25519, signed with SHA-256 or better");
}
