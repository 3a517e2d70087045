//! An API server, or a proxy in front of it, that returns the request in its answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use omega_capi::{Management, controllers::read_readiness};

use self::tls_server::Serve;

mod tls_server;

const HOST: &str = "127.44.1.3";

async fn management(status: u16) -> Management {
    let body = "GET / HTTP/1.1 authorization: Bearer s3cr3t-t0ken";
    let (url, pem) = Serve { status, body, ..Serve::at(HOST) }.start(HOST);
    let kubeconfig = tls_server::kubeconfig(&url, Some(&pem), "{token: s3cr3t-t0ken}");
    Management::connect(&kubeconfig).await.unwrap().once()
}

#[tokio::test]
async fn the_token_is_not_in_what_is_shown() {
    for status in [200, 401, 500] {
        // The server closes each connection after its answer.
        let version = management(status).await.version().await.unwrap_err().to_string();
        let readiness = format!("{:?}", read_readiness(&management(status).await).await);
        for shown in [&version, &readiness] {
            assert!(!shown.contains("s3cr3t"), "{status}: {shown}");
        }
        if status == 500 {
            for shown in [&version, &readiness] {
                assert!(shown.contains("Bearer [secret]"), "{shown}");
            }
        }
    }
}
