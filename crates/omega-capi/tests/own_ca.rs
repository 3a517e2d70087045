//! An API server, or a proxy in front of it, whose certificate is the very CA of the kubeconfig.
//!
//! Sources of the case: nklmilojevic/sofka#340, kube-rs/kube#1767. kubectl and the driver accept it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_capi::{
    ConnectFailure, Error, Management,
    access::{CertificateCheck, EndpointCheck, ThisMachine, check_endpoint},
};
use omega_core::{Diagnostic as _, kubeconfig::Kubeconfig, values::Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// Serves an empty list of API groups over TLS. Returns the URL, and the certificate in PEM.
fn server() -> (String, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut params = CertificateParams::new(vec!["127.44.1.2".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (server, listener) = (Arc::new(server), TcpListener::bind("127.44.1.2:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            if stream.read(&mut [0; 4096]).is_ok() {
                let body = r#"{"kind":"APIGroupList","groups":[]}"#;
                let length = body.len();
                let head = "HTTP/1.1 200 X\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT";
                let answer = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
                drop(stream.write_all(answer.as_bytes()));
                drop(stream.flush());
            }
        }
    });
    (url, pem)
}

fn kubeconfig(server: &str, ca: &str) -> Kubeconfig {
    let ca = STANDARD.encode(ca);
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         contexts: [{{name: c, context: {{cluster: m, user: u}}}}], \
         clusters: [{{name: m, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}], \
         users: [{{name: u, user: {{token: t}}}}]}}"
    );
    Kubeconfig::read(Secret::from(text)).unwrap()
}

#[tokio::test]
async fn a_server_whose_certificate_is_the_trusted_one_is_reached() {
    let (url, pem) = server();
    let management = Management::connect(&kubeconfig(&url, &pem)).await.unwrap();
    assert_eq!(management.time().await.unwrap().to_string(), "2026-11-28T12:00:00Z");
    let checked = check_endpoint(&ThisMachine, &kubeconfig(&url, &pem)).await.unwrap();
    assert!(matches!(checked, EndpointCheck::Works(_)), "{checked:?}");
}

#[tokio::test]
async fn and_another_one_is_told_as_what_it_is() {
    let ((url, _), (_, other)) = (server(), server());
    let management = Management::connect(&kubeconfig(&url, &other)).await.unwrap();
    let error = management.time().await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { cause: ConnectFailure::CaAsLeaf, .. }),
        "{error:?}"
    );
    insta::assert_snapshot!(format!("{error}\nnext: {}", error.next().unwrap()).replace(&url, "URL"), @"
    URL/ (context c) can't be reached: its certificate is a CA's (CA:TRUE) and not the trusted one itself
    next: give the server a certificate of its own, or one with CA:FALSE; or make this very certificate the CA of the kubeconfig
    ");
    let checked = check_endpoint(&ThisMachine, &kubeconfig(&url, &other)).await.unwrap();
    assert_eq!(checked, EndpointCheck::Certificate(CertificateCheck::IsCa));
    let refusal = checked.refusal("the server").unwrap();
    assert!(refusal.to_string().contains("CA:TRUE"), "{refusal}");
}
