use omega_openstack::TransportCause;
use serde_json::{Value, json};

use super::*;
use crate::acceptance::{Outcome, rehearsal::MemoryWeb};

fn at(nth: usize) -> String {
    format!("https://10.12.8.1{nth}:8200/")
}

/// Units with these answers to seal-status and these of health.
async fn check(units: &[(Value, u16)]) -> Answer {
    let mut web = MemoryWeb::default();
    for (nth, (seal, health)) in units.iter().enumerate() {
        web.answer(&format!("{}v1/sys/seal-status", at(nth)), 200, &seal.to_string(), 12);
        web.answer(&format!("{}v1/sys/health", at(nth)), *health, "{}", 12);
    }
    let addresses = (0..units.len()).map(|nth| at(nth).parse().unwrap()).collect();
    over(web, addresses).await
}

async fn over(web: MemoryWeb, addresses: Vec<Url>) -> Answer {
    let servers = VaultServers { web: Arc::new(web), addresses };
    Vault { servers: Ok(servers) }.check(&Context::default()).await
}

fn unsealed() -> Value {
    json!({ "initialized": true, "sealed": false, "t": 3, "n": 5, "progress": 0, "version": "1.8.8" })
}

fn sealed() -> Value {
    json!({ "initialized": true, "sealed": true, "t": 3, "n": 5, "progress": 1, "version": "1.8.8" })
}

fn said(answer: &Answer) -> Vec<String> {
    let line = |one: &Finding| format!("{}: {} {}", one.rule, one.subject.name, one.summary);
    answer.findings.iter().map(line).collect()
}

#[tokio::test]
async fn an_active_unit_and_standbys_pass() {
    let answer = check(&[(unsealed(), 200), (unsealed(), 429)]).await;
    assert_eq!(answer.outcome, Outcome::Passed);
    let shown: Vec<String> = answer.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "https://10.12.8.10:8200/ unsealed, active, 3 of 5 key shares unseal it, version 1.8.8",
            "https://10.12.8.11:8200/ unsealed, standby, 3 of 5 key shares unseal it, version 1.8.8",
        ]
    );
}

#[tokio::test]
async fn sealed_uninitialised_and_without_a_leader_are_told_apart() {
    let fresh = json!({ "initialized": false, "sealed": true, "t": 0, "n": 0, "progress": 0 });
    let answer = check(&[(unsealed(), 200), (sealed(), 503), (fresh, 501)]).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(
        said(&answer),
        [
            "vault-sealed: https://10.12.8.11:8200/ it is sealed (1 of 3 key shares given)",
            "vault-uninitialised: https://10.12.8.12:8200/ it is not initialised",
        ]
    );
    let answer = check(&[(unsealed(), 429), (unsealed(), 429)]).await;
    assert_eq!(
        said(&answer),
        ["vault-no-leader: all units every unit is unsealed, and none is active"]
    );
}

#[tokio::test]
async fn another_ca_and_nobody_fail_and_something_else_leaves_it_open() {
    let mut web = MemoryWeb::default();
    web.fail(&format!("{}v1/sys/seal-status", at(0)), TransportCause::Tls, "UnknownIssuer");
    web.answer(&format!("{}v1/sys/seal-status", at(2)), 404, "<html>", 1);
    let addresses: Vec<Url> = (0..3).map(|nth| at(nth).parse().unwrap()).collect();
    let answer = over(web, addresses).await;
    let rules: Vec<&str> = answer.findings.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(rules, ["vault-certificate", "vault-unreachable", "vault-unknown"]);
    let mut web = MemoryWeb::default();
    web.answer(&format!("{}v1/sys/seal-status", at(0)), 404, "<html>", 1);
    let answer = over(web, vec![at(0).parse().unwrap()]).await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
}
