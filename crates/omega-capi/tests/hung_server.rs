//! An API server that hangs, one that is not there, and a client certificate of X.509 version 1.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_capi::{ConnectFailure, Deadlines, Error, Management};
use omega_core::{Diagnostic as _, kubeconfig::Kubeconfig, values::Secret};
use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

const HOST: &str = "127.44.1.3";

fn kubeconfig(server: &str, ca: Option<&str>, user: &str) -> Kubeconfig {
    let ca = ca.map(|ca| format!(", certificate-authority-data: {}", STANDARD.encode(ca)));
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         contexts: [{{name: c, context: {{cluster: m, user: u}}}}], \
         clusters: [{{name: m, cluster: {{server: '{server}'{}}}}}], \
         users: [{{name: u, user: {user}}}]}}",
        ca.unwrap_or_default()
    );
    Kubeconfig::read(Secret::from(text)).unwrap()
}

async fn error(kubeconfig: &Kubeconfig) -> (Error, Duration) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let deadlines = Deadlines::within(Duration::from_secs(15), Duration::from_millis(1200));
    let management = Management::connect_within(kubeconfig, deadlines).await.unwrap();
    let start = Instant::now();
    (management.time().await.unwrap_err(), start.elapsed())
}

#[tokio::test]
async fn a_server_that_hangs_is_told_within_the_deadline_of_a_question() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    let (error, took) = error(&kubeconfig(&server, None, "{token: t}")).await;
    assert!(
        matches!(error, Error::Unreachable { cause: ConnectFailure::Hung, .. }),
        "{error:?} after {took:?}"
    );
    assert!(error.timed_out());
    assert!(took < Duration::from_millis(1300), "{took:?}");
    let shown = error.to_string();
    assert!(shown.contains("it accepted the connection and did not answer within 8"), "{shown}");
    assert!(error.next().unwrap().contains("the port is open"), "{:?}", error.next());
}

#[tokio::test]
async fn and_one_that_is_not_there_is_not() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let (error, took) = error(&kubeconfig(&server, None, "{token: t}")).await;
    assert!(
        matches!(error, Error::Unreachable { cause: ConnectFailure::Refused, .. }),
        "{error:?}"
    );
    assert!(took < Duration::from_millis(400), "{took:?}");
}

/// Serves TLS and takes any client certificate, but answers only if there is one.
fn server_that_wants_a_certificate() -> (String, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
    let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_client_cert_verifier(Arc::new(any::AnyClient));
    let server = Arc::new(server.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            if stream.read(&mut [0; 4096]).is_ok() && stream.conn.peer_certificates().is_some() {
                let answer = b"HTTP/1.1 200 X\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}";
                drop(stream.write_all(answer));
                drop(stream.flush());
            }
        }
    });
    (url, pem)
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
    let (url, pem) = server_that_wants_a_certificate();
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
