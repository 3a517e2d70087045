//! Keystone behind a certificate that is its own CA, given as `cacert`.
//!
//! Sources of the case: rustls/webpki#205, lightningnetwork/lnd#5450.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Duration,
};

use omega_core::{Diagnostic as _, Failure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use super::{Session, SessionOptions, tests::config};
use crate::{Error, Transport as _, Web as _, WebClient};

/// Serves 404 over TLS, to as many clients as come. Returns the URL, and the certificate in PEM.
fn server() -> (String, String) {
    serving(|_| "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n".to_owned())
}

/// Answers each request over TLS.
fn serving(answer: impl Fn(&str) -> String + Send + 'static) -> (String, String) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let server = server.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (server, listener) = (Arc::new(server), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut part = [0; 4096];
            if let Ok(count) = stream.read(&mut part) {
                let asked = String::from_utf8_lossy(&part[..count]).to_lowercase();
                drop(stream.write_all(answer(&asked).as_bytes()));
                drop(stream.flush());
            }
        }
    });
    (url, pem)
}

async fn login(url: &str, ca: Option<&str>, verify: bool) -> Error {
    let mut config = config(url);
    config.ca = ca.map(|pem| pem.to_owned().into());
    config.verify = verify;
    let options = SessionOptions::default().stall_limit(Duration::from_secs(5));
    Session::new(config, &options).await.unwrap().token_info().await.unwrap_err()
}

fn status(error: &Error) -> Option<u16> {
    let Error::Login { source, .. } = error else { panic!("{error:?}") };
    source.refusal().map(|refusal| refusal.status)
}

#[tokio::test]
async fn a_server_whose_certificate_is_the_trusted_one_is_reached() {
    let (url, pem) = server();
    assert_eq!(status(&login(&url, Some(&pem), true).await), Some(404));
    assert_eq!(status(&login(&server().0, None, false).await), Some(404), "not verified at all");
}

/// A service that answers 401 to who has no token: the single pages of an acceptance have it.
#[tokio::test]
async fn a_single_page_is_got_with_the_token_of_the_session() {
    let (url, pem) = serving(|asked| {
        let token = r#"{"token": {"expires_at": "2099-01-01T00:00:00Z", "roles": [], "catalog": [],
            "user": {"id": "u", "name": "op"}}}"#;
        let (status, header, body) = if asked.starts_with("post /v3/auth/tokens") {
            ("201 Created", "X-Subject-Token: token-1\r\n", token)
        } else if asked.contains("x-auth-token: token-1\r\n") {
            ("200 OK", "", "{}")
        } else {
            ("401 Unauthorized", "", "{}")
        };
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    });
    let mut config = config(&url);
    config.ca = Some(pem.into());
    let ask = Duration::from_secs(20);
    let without =
        WebClient::of_cloud(&config, crate::Limits { ask, ..Default::default() }).unwrap();
    let session = Session::new(config, &SessionOptions::default()).await.unwrap();
    let with = without.clone().with_token_of(Arc::new(session));
    let page = format!("{url}/v2.0/networks?limit=1").parse().unwrap();
    assert_eq!(without.get(&page).await.unwrap().status, 401);
    assert_eq!(with.get(&page).await.unwrap().status, 200);
}

#[tokio::test]
async fn and_another_one_is_told_as_what_it_is() {
    let ((url, _), (_, other)) = (server(), server());
    let error = login(&url, Some(&other), true).await;
    let failure = Failure::from_error("could not list", &error);
    insta::assert_snapshot!(format!("{failure}\nnext: {}", error.next().unwrap()).replace(&url, "URL"), @"
    could not list: could not log in to demo as user op of domain default: POST identity /v3/auth/tokens: no answer from URL/v3/auth/tokens: its certificate is a CA's (CA:TRUE) and not the trusted one itself
    next: give the server a certificate of its own, or one with CA:FALSE; or name this very certificate as cacert
    ");
}
