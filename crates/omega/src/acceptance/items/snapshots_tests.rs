use omega_juju::{Sources, sim::Start};

use super::*;
use crate::acceptance::Outcome;

fn host() -> omega_juju::sim::Unit {
    let host = Start::Fresh.unit("ops@jumphost");
    host.set_domain("openstack0", &["snapshot-1", "snapshot-2"]);
    host.set_domain("openstack1", &["other"]);
    host.set_domain("openstack2", &[]);
    host
}

async fn check(host: &omega_juju::sim::Unit, domains: &[&str], snapshots: &[&str]) -> Answer {
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    let hypervisor = Hypervisor {
        machine: Arc::new(host.client(Sources::default())),
        virsh: "virsh".to_owned(),
        domains: owned(domains),
        snapshots: owned(snapshots),
    };
    Snapshots { hypervisors: Ok(vec![hypervisor]) }.check(&Context::default()).await
}

fn said(answer: &Answer) -> Vec<String> {
    let line = |one: &Finding| format!("{}: {} {}", one.rule, one.subject.name, one.summary);
    answer.findings.iter().map(line).collect()
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let all = ["openstack0", "openstack1", "openstack2", "openstack9"];
    let answer = check(&host(), &all, &["snapshot-1", "snapshot-2"]).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(
        said(&answer),
        [
            "snapshot-missing: openstack1 it has no snapshot snapshot-1, snapshot-2",
            "snapshot-missing: openstack2 it has no snapshot snapshot-1, snapshot-2",
            "domain-missing: openstack9 there is no such domain",
        ]
    );
    let remedy = "virsh snapshot-create-as openstack1 snapshot-1 --atomic";
    assert_eq!(answer.findings[0].remedy.as_deref(), Some(remedy));
}

#[tokio::test]
async fn any_snapshot_will_do_if_none_is_named() {
    let answer = check(&host(), &["openstack0", "openstack1"], &[]).await;
    assert_eq!(answer.outcome, Outcome::Passed);
    assert_eq!(
        Evidence::line(&answer.evidence),
        "openstack0 snapshot-1, snapshot-2; openstack1 other"
    );
    let answer = check(&host(), &["openstack2"], &[]).await;
    assert_eq!(said(&answer), ["snapshot-missing: openstack2 it has no snapshot"]);
}

#[tokio::test]
async fn a_hypervisor_that_does_not_answer_leaves_it_open() {
    let host = host();
    host.cut_off(true);
    let answer = check(&host, &["openstack0"], &[]).await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
}

/// The user may not use libvirt.
#[test]
fn virsh_that_may_not_look_leaves_it_open() {
    let state = DomainSnapshots {
        domain: "openstack0".to_owned(),
        snapshots: None,
        error: Some("error: failed to connect to the hypervisor".to_owned()),
    };
    let machine = Arc::new(host().client(Sources::default()));
    let (virsh, domains, snapshots) = ("virsh".to_owned(), Vec::new(), Vec::new());
    let found = judge(&Hypervisor { machine, virsh, domains, snapshots }, &state).unwrap();
    assert_eq!((found.rule.as_str(), found.severity), ("domain-unasked", Severity::Unknown));
}

/// The way to the machine is fine; the program is missing there.
#[test]
fn a_hypervisor_without_virsh_is_told_to_have_it() {
    let machine = Arc::new(host().client(Sources::default()));
    let (virsh, domains, snapshots) = ("virsh".to_owned(), Vec::new(), Vec::new());
    let hypervisor = Hypervisor { machine, virsh, domains, snapshots };
    let failure =
        omega_juju::ProbeFailure::new(FailureCode::NoProgram, "there is no program virsh");
    let (unit, question) = ("ops@jumphost".to_owned(), "its snapshots".to_owned());
    let next = remedy(&hypervisor, &Error::Probe { unit, question, failure });
    assert!(next.contains("libvirt-clients") && !next.contains("reached"), "{next}");
}
