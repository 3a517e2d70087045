use super::*;
use crate::{Diagnostic as _, values::Sha256};

/// A key pair made for this test; it opens nothing.
const ADMIN: &str = include_str!("../fixtures/kube/admin.yaml");

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn parse(text: &str) -> Result<Kubeconfig, KubeconfigError> {
    Kubeconfig::parse(Secret::from(text.to_owned()), now())
}

#[test]
fn what_the_driver_can_use_is_read() {
    let read = parse(ADMIN).unwrap();
    assert_eq!(read.facts.server.as_str(), "https://10.20.0.50:6443/");
    assert_eq!(read.facts.endpoint(), ("10.20.0.50".to_owned(), 6443));
    assert_eq!(read.facts.sha256, Sha256::of(ADMIN.as_bytes()));
    assert_eq!(read.facts.auth.to_string(), "client certificate expires 2027-11-21");
    assert!(read.facts.ca_pem.unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

/// Every refusal, by what was changed in a kubeconfig that is good.
#[test]
fn what_the_driver_cannot_use_is_refused() {
    let server = "https://10.20.0.50:6443";
    let user = ADMIN.lines().find(|line| line.contains("client-key-data")).unwrap();
    let ca = ADMIN.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    let edits: Vec<(String, &str)> = vec![
        (
            ADMIN.replace(server, "https://me:hunter2@10.20.0.50:6443"),
            "its server has a user or a password in it, which is not read",
        ),
        (String::new(), "it is empty"),
        (" \n".into(), "it is empty"),
        ("\u{0}\u{1}".into(), "it is truncated, or not a kubeconfig in YAML"),
        ("just words".into(), "it is truncated, or not a kubeconfig in YAML"),
        (ADMIN[..ADMIN.len() / 2].into(), "it has no current context"),
        (ADMIN.replace("current-context: capi", ""), "it has no current context"),
        (ADMIN.replace("current-context: capi", "current-context: ''"), "no current context"),
        (ADMIN.replace("current-context: capi", "current-context: x"), "`x` is not in it"),
        (ADMIN.replace("cluster: capi,", "cluster: b,"), "cluster `b` is not in it"),
        (ADMIN.replace("user: admin}", "user: b}"), "user `b` is not in it"),
        (ADMIN.replace(server, "https://localhost:6443"), "is an address of the local machine"),
        (ADMIN.replace(server, "https://127.0.0.1:6443"), "is an address of the local machine"),
        (ADMIN.replace(server, "https://[::1]:6443"), "is an address of the local machine"),
        (
            ADMIN.replace(server, "https://[::ffff:127.0.0.1]:6443"),
            "is an address of the local machine",
        ),
        (ADMIN.replace(server, "https://0.0.0.0:6443"), "is an address of the local machine"),
        (ADMIN.replace(server, "https://[::]:6443"), "is an address of the local machine"),
        (ADMIN.replace(server, "http://10.20.0.50:6443"), "is not https"),
        (ADMIN.replace(server, "10.20.0.50"), "is not a URL"),
        (ADMIN.replace(ca, "    insecure-skip-tls-verify: true"), "`insecure-skip-tls-verify`"),
        (ADMIN.replace(ca, "    certificate-authority: /ca.crt"), "in a separate file (`/ca.crt`)"),
        (ADMIN.replace(ca, "    certificate-authority-data: eA=="), "is not a certificate"),
        (ADMIN.replace(user, "    exec: {command: aws}"), "an exec plugin"),
        (ADMIN.replace(user, "    auth-provider: {name: oidc}"), "an auth plugin"),
        (ADMIN.replace(user, "    tokenFile: /t"), "a token file"),
        (ADMIN.replace(user, "    client-key: /k"), "in a separate file (`/k`)"),
        (ADMIN.replace(user, "    client-key-data: eA=="), "is not a key"),
        (ADMIN.replace(user, ""), "neither a client certificate"),
    ];
    for (text, expected) in edits {
        let error = parse(&text).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error} / {expected}");
        assert!(error.next().is_some());
    }
}

#[test]
fn the_dates_of_the_client_certificate_count() {
    let at = |time: &str| {
        let error = Kubeconfig::parse(Secret::from(ADMIN.to_owned()), time.parse().unwrap());
        error.unwrap_err().to_string()
    };
    assert!(at("2030-01-01T00:00:00Z").contains("expired on 2027-11-21"));
    assert!(at("2020-01-01T00:00:00Z").contains("not valid before 2026-11-21"));
}

#[test]
fn other_loopback_addresses_and_names_are_remote() {
    for server in ["https://127.77.2.1:6443", "https://localhost.example:6443"] {
        let text = ADMIN.replace("https://10.20.0.50:6443", server);
        assert_eq!(parse(&text).unwrap().facts.server.as_str(), format!("{server}/"));
    }
}

#[test]
fn a_secret_does_not_show() {
    let read = parse(ADMIN).unwrap();
    let key = ADMIN.lines().find(|line| line.contains("client-key-data")).unwrap();
    let key = key.trim().rsplit(' ').next().unwrap();
    let shown = format!("{read:?} {}", serde_json::to_string(&read.facts).unwrap());
    assert!(!shown.contains(&key[..40]));
    assert!(shown.contains("Secret(..)"));
}
