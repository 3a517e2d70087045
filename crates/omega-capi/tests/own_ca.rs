//! An API server, or a proxy in front of it, whose certificate is the very CA of the kubeconfig.
//!
//! Sources of the case: nklmilojevic/sofka#340, kube-rs/kube#1767. kubectl and the driver accept it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use omega_capi::{
    ConnectFailure, Error, Management,
    access::{CertificateCheck, EndpointCheck, ThisMachine, check_endpoint},
};
use omega_core::{Diagnostic as _, kubeconfig::Kubeconfig};
use rcgen::{BasicConstraints, IsCa};

use self::tls_server::Serve;

mod tls_server;

const HOST: &str = "127.44.1.2";

/// Serves an empty list of API groups. Returns the URL, and the certificate in PEM.
fn server() -> (String, String) {
    let mut serve = Serve { body: r#"{"kind":"APIGroupList","groups":[]}"#, ..Serve::at(HOST) };
    serve.certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    serve.start(HOST)
}

fn kubeconfig(server: &str, ca: &str) -> Kubeconfig {
    tls_server::kubeconfig(server, Some(ca), "{token: t}")
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
