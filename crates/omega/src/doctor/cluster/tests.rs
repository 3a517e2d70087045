use omega_capi::health::{Answer, HealthFacts, Recorded, health_reads};
use omega_openstack::cloud_inventory::Quota;
use serde_json::{Value, json};

use super::{
    sound::{accepted, condition, fails, say, sound},
    *,
};
use crate::doctor::{LayerState, Report};

const NOW: &str = "2026-11-21T17:00:00Z";

fn judged(facts: &ClusterFacts, patience: u64) -> Report {
    let limit = Duration::from_secs(patience);
    Report::new(judge(facts, Patience { now: NOW.parse().unwrap(), limit }))
}

fn first(facts: &ClusterFacts) -> Option<(Layer, Cause)> {
    judged(facts, 900).first.map(|one| (one.layer, one.cause))
}

fn full() -> Quota {
    Quota::new("floatingip", Some(1), 1)
}

#[test]
fn a_sound_cluster_has_nothing_even_if_a_quota_is_full() {
    assert_eq!(first(&sound()), None);
    let facts = ClusterFacts { quotas: vec![full()], ..sound() };
    assert_eq!(first(&facts), None);
}

#[test]
fn what_the_provider_says_decides_between_quota_right_and_fault() {
    let said = |message: &str| {
        let mut facts = ClusterFacts { quotas: vec![full()], ..sound() };
        fails(&mut facts, "NetworkReady", message);
        first(&facts).unwrap()
    };
    let neutron = "got 409 instead: {\"NeutronError\": {\"type\": \"OverQuota\"";
    assert_eq!(said(neutron), (Layer::Quota, Cause::QuotaExhausted));
    let octavia = "got 403 instead: {\"faultcode\": \"Client\", \"faultstring\": \"Quota has been met \
                   for resources: Load Balancer\"}";
    assert_eq!(said(octavia), (Layer::Quota, Cause::QuotaExhausted));
    let policy = "got 403 instead: Policy does not allow this request to be performed.";
    assert_eq!(said(policy), (Layer::ClusterCredential, Cause::RoleMissing));
    let mut facts = ClusterFacts { credential: Ok(Some(accepted(&["member"]))), ..sound() };
    fails(&mut facts, "NetworkReady", policy);
    let evidence = judged(&facts, 900).first.unwrap().finding.evidence;
    assert!(evidence.contains(&Evidence::text("lacks the role", "load-balancer_member")));
    let login = "Authentication failed: got 401";
    assert_eq!(said(login), (Layer::ClusterCredential, Cause::CredentialRefused));
}

#[test]
fn a_full_quota_is_not_blamed_where_the_provider_gives_another_reason() {
    let mut facts = ClusterFacts { quotas: vec![full()], ..sound() };
    let message = "subnet overlaps";
    let untrue = [condition("Ready", "False", message)];
    let status = json!({"ready": false, "failureReason": "UpdateError", "failureMessage": message, "conditions": untrue});
    say(&mut facts, "openstackclusters", &status);
    assert_eq!(first(&facts), Some((Layer::ClusterApi, Cause::InfrastructureFailed)));
}

#[test]
fn a_full_quota_is_blamed_for_silence_only_where_its_turn_has_come() {
    let silent = |status: &Value| {
        let mut facts = ClusterFacts { quotas: vec![full()], ..sound() };
        facts.cluster.status = Some("CREATE_IN_PROGRESS".into());
        facts.evidence.status = "CREATE_IN_PROGRESS".into();
        say(&mut facts, "openstackclusters", status);
        judged(&facts, 60).first.map(|one| (one.layer, one.cause))
    };
    let nothing = json!({ "ready": false });
    assert_eq!(silent(&nothing), Some((Layer::ClusterApi, Cause::InfrastructureStalled)));
    let network = json!({ "ready": false, "network": { "id": "n", "name": "n" } });
    assert_eq!(silent(&network), Some((Layer::Quota, Cause::QuotaExhausted)));
}

#[test]
fn slow_is_not_broken_until_patience_ends() {
    let mut facts = sound();
    fails(&mut facts, "NetworkReady", "GET http://neutron/v2.0/networks: request timed out");
    say(
        &mut facts,
        "openstackclusters",
        &json!({"ready": true, "conditions": [
        condition("NetworkReady", "False", "request timed out")]}),
    );
    assert_eq!(judged(&facts, 900).first, None);
    let late = judged(&facts, 30).first.unwrap();
    assert_eq!(late.cause, Cause::InfrastructureFailed, "it has been so for a minute");
}

#[test]
fn a_balancer_in_error_is_named_and_one_that_is_offline_is_not() {
    let with = |provisioning: &str, operating: &str| {
        let mut facts = sound();
        for one in facts.evidence.load_balancers.iter_mut().flatten() {
            one.provisioning_status = provisioning.into();
            one.operating_status = operating.into();
        }
        first(&facts)
    };
    let error = Some((Layer::LoadBalancer, Cause::LoadBalancerError));
    assert_eq!(with("ERROR", "ONLINE"), error);
    assert_eq!(with("ACTIVE", "ERROR"), error);
    assert_eq!(with("ACTIVE", "OFFLINE"), None);
    let mut facts = ClusterFacts { quotas: vec![full()], ..sound() };
    for one in facts.evidence.load_balancers.iter_mut().flatten() {
        one.provisioning_status = "ERROR".into();
    }
    assert_eq!(first(&facts), error, "what is made already lacks no quota");
    let mut facts = sound();
    facts.evidence.load_balancers = Some(Vec::new());
    assert_eq!(first(&facts), Some((Layer::LoadBalancer, Cause::LoadBalancerMissing)));
}

#[test]
fn a_create_that_never_comes_is_stalled_when_patience_ends() {
    let mut facts = sound();
    facts.cluster.status = Some("CREATE_IN_PROGRESS".into());
    facts.evidence.status = "CREATE_IN_PROGRESS".into();
    facts.evidence.recorded = Recorded::default();
    facts.evidence.load_balancers = Some(Vec::new());
    let waits = json!({"type": "InfrastructureReady", "status": "False", "severity": "Info", "message": "waiting"});
    say(&mut facts, "clusters", &json!({"conditions": [waits]}));
    say(&mut facts, "openstackclusters", &json!({}));
    assert_eq!(judged(&facts, 900).first, None, "ten minutes are within fifteen");
    let causes: Vec<Cause> = judged(&facts, 60)
        .layers
        .iter()
        .flat_map(|one| &one.findings)
        .map(|one| one.cause)
        .collect();
    assert!(causes.contains(&Cause::InfrastructureStalled), "{causes:?}");
}

#[test]
fn what_could_not_be_asked_is_not_taken_for_good() {
    let lost = || "no answer".to_owned();
    for facts in [
        ClusterFacts { groups_unknown: Some(lost()), ..sound() },
        ClusterFacts { addons: Err(lost()), ..sound() },
    ] {
        let report = judged(&facts, 900);
        assert!(!report.broken, "it is no fault either");
        let layer = report.layers.iter().find(|one| one.layer == Layer::ClusterApi).unwrap();
        assert_eq!(layer.state, LayerState::Unknown);
    }
    let mut facts = ClusterFacts {
        credential: Err(lost()),
        quotas_unknown: Some(lost()),
        release: Err(lost()),
        ..sound()
    };
    facts.evidence.load_balancers = None;
    let layers = judged(&facts, 900).layers;
    for layer in [Layer::ClusterCredential, Layer::LoadBalancer, Layer::Quota, Layer::HelmRelease] {
        let layer = layers.iter().find(|one| one.layer == layer).unwrap();
        assert_eq!(layer.state, LayerState::Unknown);
    }
}

#[test]
fn a_cluster_without_a_credential_has_none_that_could_be_asked() {
    let layers = judged(&ClusterFacts { credential: Ok(None), ..sound() }, 900).layers;
    let credential = layers.iter().find(|one| one.layer == Layer::ClusterCredential).unwrap();
    assert_eq!(credential.state, LayerState::NotAsked);
}

#[test]
fn a_delete_is_stuck_when_patience_ends() {
    let mut facts = sound();
    facts.cluster.status = Some("DELETE_IN_PROGRESS".into());
    facts.evidence.status = "DELETE_IN_PROGRESS".into();
    let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
    let path = health_reads(driver, overrides, names).unwrap()[0].path.clone();
    let object = json!({"metadata": {"name": "c-1", "deletionTimestamp": "2026-11-21T16:58:00Z",
        "finalizers": ["cluster.cluster.x-k8s.io"]}, "status": {}});
    answers.0.insert(path, Answer::of(200, &object.to_string()));
    assert_eq!(judged(&facts, 900).first, None);
    let stuck = judged(&facts, 60).first.unwrap();
    assert_eq!((stuck.layer, stuck.cause), (Layer::ClusterApi, Cause::DeletingStuck));
    let since = "2026-11-21T16:58:00Z".parse().unwrap();
    for shown in [
        Evidence::list("finalizers", ["cluster.cluster.x-k8s.io"]),
        Evidence::time("being deleted since", since),
    ] {
        assert!(stuck.finding.evidence.contains(&shown), "{:?}", stuck.finding);
    }
}

#[test]
fn a_create_that_failed_before_helm_is_no_cluster_that_somebody_deleted() {
    let gone = |status: &str| {
        let mut facts = sound();
        facts.cluster.status = Some(status.into());
        facts.cluster.status_reason = Some("no endpoint for block-storage".into());
        facts.evidence.status = status.into();
        facts.evidence.load_balancers = Some(Vec::new());
        let absent = json!({"kind": "Status", "reason": "NotFound", "message": "not found",
            "details": {"name": "c-1", "kind": "x"}, "code": 404});
        for answer in facts.evidence.answers.0.values_mut() {
            *answer = Answer::of(404, &absent.to_string());
        }
        facts
    };
    let failed = gone("CREATE_FAILED");
    assert_eq!(first(&failed), Some((Layer::Magnum, Cause::CreateFailed)));
    let said = judged(&failed, 900).first.unwrap().finding.summary;
    assert!(said.contains("no endpoint for block-storage"), "{said}");
    assert_eq!(
        first(&gone("CREATE_COMPLETE")),
        Some((Layer::ClusterApi, Cause::ClusterMissing)),
        "once made, it was deleted"
    );
}
