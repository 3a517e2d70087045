//! What Magnum and its simulator must both do with the certificates of a cluster.
#![expect(clippy::expect_used, clippy::panic, reason = "a contract is a test")]

use std::sync::Arc;

use omega_core::{
    kubeconfig::{AuthKind, Kubeconfig, NewCredential, NewKubeconfig},
    values::Secret,
};
use serde_json::json;

use super::{AdminCertificate, ContainerInfra, issue_admin_certificate};
use crate::{Method, Request, Service, Transport, contract::send};

/// A request is signed with its own subject, each time anew, and the authority stays. `cluster`: the id
/// of a cluster of the user.
///
/// # Panics
///
/// Panics at what is not kept.
pub async fn cluster_certificates(cloud: Arc<dyn Transport>, cluster: &str) {
    let magnum = ContainerInfra::new(Arc::clone(&cloud));
    let ca = magnum.cluster_ca(cluster).await.expect("the authority");
    let one = issue_admin_certificate(&magnum, cluster).await.expect("signed");
    let two = issue_admin_certificate(&magnum, cluster).await.expect("signed");
    assert_ne!(one.certificate_pem, two.certificate_pem);
    assert_ne!(one.key_pem.digest(), two.key_pem.digest());
    assert_eq!(magnum.cluster_ca(cluster).await.expect("the authority"), ca);

    let AdminCertificate { certificate_pem, key_pem } = &one;
    let server = "https://203.0.113.10:6443".parse().expect("a URL");
    let credential = NewCredential::Certificate { certificate_pem, key_pem };
    let ca_pem = Some(ca.as_str());
    let text = NewKubeconfig { cluster: "c", user: "admin", server: &server, ca_pem, credential };
    let read = Kubeconfig::read(text.text().expect("a text")).expect("a kubeconfig");
    let AuthKind::ClientCertificate { subject, not_before, not_after } = read.facts.auth else {
        panic!("no client certificate")
    };
    for part in ["O=system:masters", "CN=admin"] {
        assert!(subject.contains(part), "{subject}");
    }
    assert!(not_after > not_before);
    assert_eq!(read.facts.ca_pem.as_deref(), Some(ca.as_str()));
    assert!(!format!("{one:?}").contains(&text_of(key_pem)), "the key is not shown");

    let absent = "00000000-0000-4000-8000-00000000dead";
    for (method, path, body) in [
        (Method::Get, vec!["certificates", absent], None),
        (Method::Post, vec!["certificates"], Some(json!({ "cluster_uuid": absent, "csr": "x" }))),
        (Method::Post, vec!["certificates"], Some(json!({ "cluster_uuid": cluster, "csr": "x" }))),
    ] {
        let request = Request::new(Service::ContainerInfra, method, &path);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let status = send(&cloud, request).await.status;
        // Magnum answers 500 to a request that it can't parse.
        assert!(status >= 400, "{status}");
    }
}

fn text_of(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}
