use omega_juju::{Sources, sim::Start};

use super::*;
use crate::acceptance::Outcome;

fn server() -> omega_juju::sim::Unit {
    let server = Start::Fresh.unit("ubuntu@10.12.7.40");
    server.with_management(|seen| {
        "10.12.4.50".clone_into(&mut seen.host);
        seen.port = 5000;
    });
    server
}

async fn check(server: &omega_juju::sim::Unit, address: &str) -> Answer {
    let tenant = Tenant {
        server: Ok(Arc::new(server.client(Sources::default()))),
        address: Some(address.parse().unwrap()),
        cloud: Err(Failure::new(FailureClass::Error, "no cloud")),
        ca_pem: Some("the cloud's CA".to_owned()),
    };
    tenant.check(&Context::default()).await
}

#[tokio::test]
async fn tcp_and_tls_pass() {
    let answer = check(&server(), "https://10.12.4.50:5000/v3").await;
    assert_eq!(answer.outcome, Outcome::Passed);
    let shown = Evidence::line(&answer.evidence);
    assert!(shown.contains("TCP connected, TLS verified"), "{shown}");
}

#[tokio::test]
async fn no_way_another_ca_and_nobody_are_told_apart() {
    let cut = server();
    cut.with_management(|seen| seen.reachable = false);
    let foreign = server();
    foreign.with_management(|seen| seen.trusted = false);
    let said = async |server: &omega_juju::sim::Unit, address: &str| {
        let answer = check(server, address).await;
        assert_eq!(answer.outcome, Outcome::Failed);
        let found = answer.findings.into_iter().next().unwrap();
        format!("{}: {} -> {}", found.rule, found.summary, found.remedy.unwrap_or_default())
    };
    let vip = "https://10.12.4.50:5000/";
    insta::assert_snapshot!(said(&cut, vip).await, @"tenant-cut-off: it does not reach https://10.12.4.50:5000/: TCP: no answer within 10 s -> check the route from the tenant's network: its router has a gateway on the external network, and the hosts forward to the addresses of the APIs (D-003)");
    insta::assert_snapshot!(said(&foreign, vip).await, @"tenant-tls: it connects to https://10.12.4.50:5000/, and TLS fails: TLS: unable to get local issuer certificate -> check who issued the certificate; `cacert` in clouds.yaml names the cloud's CA");
    insta::assert_snapshot!(said(&server(), "https://10.12.4.51:9312/").await, @"tenant-cut-off: it does not reach https://10.12.4.51:9312/: TCP: connection refused -> nothing listens there: check the service behind the address");
}

#[tokio::test]
async fn without_tls_tcp_is_enough() {
    let foreign = server();
    foreign.with_management(|seen| seen.trusted = false);
    assert_eq!(check(&foreign, "http://10.12.4.50:5000/").await.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_it_open() {
    let server = server();
    server.cut_off(true);
    let answer = check(&server, "https://10.12.4.50:5000/").await;
    let Outcome::NotRun { why, .. } = &answer.outcome else { panic!("{answer:?}") };
    assert!(why.starts_with("could not ask ubuntu@10.12.7.40 what it reaches: "), "{why}");
}
