#![allow(
    clippy::match_wildcard_for_single_variants,
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    reason = "an assertion"
)]

use std::time::Duration;

use jiff::SignedDuration;
use omega_core::{Context, Finding};
use omega_openstack::{
    Limits, Name, Request, StreamedResponse, TokenInfo,
    sim::{Authority, Signer},
};
use serde_json::json;

use super::*;

/// A cloud with a catalog of these endpoints and nothing else; or one without a login.
#[derive(Debug)]
struct Listed(Option<Vec<(&'static str, Url)>>);

#[async_trait]
impl Transport for Listed {
    async fn exchange(&self, _: &Context, _: Request) -> Result<StreamedResponse, Error> {
        Err(Error::NoProject("nothing is asked of it".to_owned()))
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        let Some(all) = &self.0 else {
            return Err(Error::NoProject("there is no login".to_owned()));
        };
        let entry = |(service, url): &(&str, Url)| {
            let public = json!({"interface": "public", "region_id": "One", "url": url});
            let decoy =
                json!({"interface": "internal", "region_id": "One", "url": "http://127.0.0.1:1"});
            json!({"type": service, "endpoints": [decoy, public]})
        };
        let catalog = serde_json::from_value(all.iter().map(entry).collect()).unwrap();
        let name = || Name { id: "x".to_owned(), name: "x".to_owned() };
        Ok(TokenInfo::new(name(), None, Vec::new(), catalog))
    }

    fn label(&self) -> String {
        "listed".to_owned()
    }
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days)
}

fn reader(authority: &Authority) -> CertificateReader {
    let limits = Limits { connect: Duration::from_secs(5), ask: Duration::from_secs(5) };
    let pem = authority.pem().as_bytes().to_vec();
    CertificateReader::trusting(Some(pem), "the test", limits).unwrap()
}

fn gate(authority: &Authority, all: &[(&'static str, &Url)]) -> EndpointCertificates {
    let listed = all.iter().map(|(service, url)| (*service, (*url).clone())).collect();
    EndpointCertificates {
        transport: Arc::new(Listed(Some(listed))),
        auth_url: "https://127.0.0.1:1/v3".parse().unwrap(),
        region: Some("One".to_owned()),
        core: all.iter().map(|(service, _)| (*service).to_owned()).collect(),
        horizon: None,
        vault: Vec::new(),
        reader: reader(authority),
        vault_reader: Ok(reader(authority)),
        plain_http: false,
        clock: Clock::System,
    }
}

async fn fails(gate: &EndpointCertificates) -> Finding {
    match gate.check().await.unwrap() {
        Verdict::Fail(finding) => *finding,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn certificates_of_the_ca_for_the_name_that_last_pass() {
    let authority = Authority::new("Vault").unwrap();
    let url = authority.serve(&["localhost"], in_days(400), Signer::Authority).unwrap();
    let other = Authority::new("easyrsa").unwrap();
    let vault = other.serve(&["127.0.0.1"], in_days(400), Signer::Authority).unwrap();
    let mut gate = gate(&authority, &[("identity", &url), ("volumev3", &url)]);
    (gate.horizon, gate.vault) = (Some(url), vec![vault]);
    gate.vault_reader = Ok(reader(&other));
    let Verdict::Pass { evidence } = gate.check().await.unwrap() else { panic!("it failed") };
    let facts: Vec<&str> = evidence.iter().map(|one| one.fact.as_str()).collect();
    let expected = ["identity", "identity ends", "volumev3", "volumev3 ends", "dashboard"];
    assert_eq!(facts[..5], expected);
    assert_eq!(facts[5..], ["dashboard ends", "vault 127.0.0.1", "vault 127.0.0.1 ends"]);
    assert!(evidence[0].to_string().contains("covers localhost, signed by"), "{evidence:?}");
}

/// 30 days are enough to renew it: 29 are a warning, and 31 are not.
#[tokio::test]
async fn one_that_ends_soon_is_a_warning_and_an_expired_one_is_broken() {
    let authority = Authority::new("Vault").unwrap();
    let serve = |days| authority.serve(&["localhost"], in_days(days), Signer::Authority).unwrap();
    let soon = serve(29);
    let found = fails(&gate(&authority, &[("identity", &soon)])).await;
    assert_eq!((found.severity, found.decision.as_deref()), (Severity::Warning, Some("D-008")));
    assert!(found.summary.contains("ends in 28 days"), "to the begin of the day: {found:?}");
    let near = serve(32);
    assert!(matches!(
        gate(&authority, &[("identity", &near)]).check().await.unwrap(),
        Verdict::Pass { .. }
    ));
    let ended = serve(-2);
    let found = fails(&gate(&authority, &[("identity", &ended)])).await;
    assert_eq!(found.severity, Severity::Broken);
    assert!(found.summary.contains("expired"), "{found:?}");
    assert_eq!(found.remedy.as_deref(), Some(RENEW));
}

#[tokio::test]
async fn another_name_another_ca_self_signed_and_no_tls_are_broken() {
    let authority = Authority::new("Vault").unwrap();
    let url = authority.serve(&["localhost"], in_days(90), Signer::Authority).unwrap();
    let by_address: Url = url.as_str().replace("localhost", "127.0.0.1").parse().unwrap();
    let own = authority.serve(&["localhost"], in_days(90), Signer::Itself).unwrap();
    let plain: Url = "http://127.0.0.1:1/".parse().unwrap();
    for (url, says) in [
        (&by_address, "identity: its certificate covers localhost and not this address"),
        (&own, "identity: it is self-signed: its certificate is not signed by a trusted CA"),
        (&plain, "identity: its public endpoint has no TLS"),
    ] {
        let found = fails(&gate(&authority, &[("identity", url)])).await;
        assert_eq!((found.severity, found.summary.as_str()), (Severity::Broken, says), "{url}");
    }
    let accepted =
        EndpointCertificates { plain_http: true, ..gate(&authority, &[("identity", &plain)]) };
    assert!(matches!(accepted.check().await.unwrap(), Verdict::Pass { .. }));
    let other = Authority::new("other").unwrap();
    let found = fails(&gate(&other, &[("identity", &url)])).await;
    assert!(found.summary.contains("not signed by a trusted CA"), "{found:?}");
}

#[tokio::test]
async fn what_does_not_answer_or_is_not_listed_is_unknown() {
    let authority = Authority::new("Vault").unwrap();
    let nobody: Url = "https://127.0.0.1:1/".parse().unwrap();
    let found = fails(&gate(&authority, &[("identity", &nobody)])).await;
    assert_eq!(found.severity, Severity::Unknown, "{found:?}");
    let mut unlisted = gate(&authority, &[]);
    unlisted.core = vec!["image".to_owned()];
    assert_eq!(fails(&unlisted).await.severity, Severity::Unknown);
    let url = authority.serve(&["localhost"], in_days(90), Signer::Authority).unwrap();
    let mut without_login = gate(&authority, &[]);
    (without_login.transport, without_login.auth_url) = (Arc::new(Listed(None)), url.clone());
    let found = fails(&without_login).await;
    assert_eq!(found.severity, Severity::Unknown, "Keystone's own certificate is good: {found:?}");
    let failure = Failure::new(omega_core::FailureClass::Error, "no CA of Vault");
    let mut vault = gate(&authority, &[("identity", &url)]);
    (vault.vault, vault.vault_reader) = (vec![url.clone()], Err(failure));
    assert!(fails(&vault).await.summary.contains("no CA of Vault"));
}
