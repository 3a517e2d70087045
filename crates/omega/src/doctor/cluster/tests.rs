use omega_capi::health::{Addon, HealthFacts, MachineFault, Machines, Recorded, health_reads};
use omega_core::Severity;
use omega_openstack::cloud_inventory::Quota;
use serde_json::{Value, json};

use super::{
    sound::{accepted, condition, fails, say, sound},
    *,
};
use crate::doctor::{LayerState, Report};

pub(super) const NOW: &str = "2026-11-21T17:00:00Z";

pub(super) fn judged(facts: &ClusterFacts, patience: u64) -> Report {
    let limit = Duration::from_secs(patience);
    Report::new(judge(facts, Patience { now: NOW.parse().unwrap(), limit }))
}

pub(super) fn first(facts: &ClusterFacts) -> Option<(Layer, Cause)> {
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

/// A status of a cluster in Magnum, since `minutes`.
pub(super) fn in_magnum(facts: &mut ClusterFacts, status: &str, minutes: i64) {
    let now: Timestamp = NOW.parse().unwrap();
    let since = (now - SignedDuration::from_mins(minutes)).to_string();
    let key = if status.starts_with("UPDATE") {
        &mut facts.cluster.updated_at
    } else {
        &mut facts.cluster.created_at
    };
    *key = Some(since);
    facts.cluster.status = Some(status.into());
    facts.evidence.status = status.into();
    facts.evidence.recorded.status = facts.cluster.health_status.clone();
}

pub(super) fn addon(phase: Option<&str>) -> Addon {
    let (plural, name) = ("helmreleases".into(), "c-1-metrics-server".into());
    Addon { plural, name, phase: phase.map(str::to_owned), message: None, changed: None }
}

/// openstack/magnum-capi-helm, `_update_status_updating`;
/// azimuth-cloud/cluster-api-addon-provider; fluxcd/helm-controller#1409.
#[test]
fn an_addon_that_is_waited_for_too_long_is_named() {
    let phases = [
        Some("Pending"),
        Some("Preparing"),
        Some("Installing"),
        Some("Upgrading"),
        Some("Uninstalling"),
        Some("Dreaming"),
        None,
    ];
    for phase in phases {
        let with = |minutes: i64| {
            let mut facts = ClusterFacts { addons: Ok(vec![addon(phase)]), ..sound() };
            in_magnum(&mut facts, "CREATE_IN_PROGRESS", minutes);
            judged(&facts, 900)
        };
        let late = with(8 * 60).first.expect("eight hours");
        assert_eq!(late.cause, Cause::AddonFailed);
        assert_eq!(late.finding.subject.name, "helmreleases c-1-metrics-server");
        assert_eq!(with(5).first, None, "five minutes, {phase:?}");
    }
    // Its own last change tells it where Magnum's status does not.
    let mut facts = sound();
    let changed = "2026-11-21T08:00:00Z".parse().ok();
    facts.addons = Ok(vec![Addon { changed, ..addon(Some("Upgrading")) }]);
    assert_eq!(first(&facts), Some((Layer::ClusterApi, Cause::AddonFailed)));
    facts.addons = Ok(vec![addon(Some("Deployed"))]);
    assert_eq!(first(&facts), None);
}

/// openstack/magnum-capi-helm, `_update_status_updating`.
#[test]
fn phase_unknown_fails_the_create_and_no_phase_does_not() {
    let with = |phase| {
        let mut facts = ClusterFacts { addons: Ok(vec![addon(phase)]), ..sound() };
        in_magnum(&mut facts, "CREATE_FAILED", 5);
        let all = judged(&facts, 900).layers.into_iter().flat_map(|layer| layer.findings);
        let mut all = all.filter(|one| one.cause == Cause::AddonFailed);
        all.next().map(|one| one.finding.severity)
    };
    assert_eq!(with(Some("Unknown")), Some(Severity::Broken));
    assert_eq!(with(Some("Failed")), Some(Severity::Broken));
    assert_eq!(with(None), Some(Severity::Waiting));
}

pub(super) const CORES: &str = "error creating OpenStack instance: got 403 instead: {\"forbidden\": {\"code\": 403, \
    \"message\": \"Quota exceeded for cores, ram: Requested 4, 8192, but already used 20, 49152 of 20, \
    51200 cores, ram\"}}";

/// kubernetes-sigs/cluster-api#6528, vexxhost/magnum-cluster-api#470.
#[test]
fn novas_quota_is_the_cause_where_a_machine_is_refused() {
    let mut facts = sound();
    in_magnum(&mut facts, "CREATE_IN_PROGRESS", 5);
    let untrue = ["Ready", "MachinesReady"].map(|kind| condition(kind, "False", CORES));
    say(&mut facts, "kubeadmcontrolplanes", &json!({ "conditions": untrue }));
    let untrue = [condition("ControlPlaneReady", "False", CORES)];
    say(&mut facts, "clusters", &json!({ "conditions": untrue }));
    let first = judged(&facts, 900).first.unwrap();
    assert_eq!((first.layer, first.cause), (Layer::Quota, Cause::QuotaExhausted));
    let remedy = first.finding.remedy.unwrap();
    assert!(remedy.contains("openstack quota set --cores N --ram MB"), "{remedy}");
    // The workers' machines are refused alike.
    let mut facts = sound();
    let untrue = [condition("MachinesReady", "False", CORES)];
    say(&mut facts, "machinedeployments", &json!({ "conditions": untrue }));
    assert_eq!(super::tests::first(&facts), Some((Layer::Quota, Cause::QuotaExhausted)));
}

/// kubernetes-sigs/cluster-api-provider-openstack#3375.
#[test]
fn what_only_the_server_object_knows_is_read() {
    let fault = |message: &str| MachineFault {
        plural: "openstackservers".into(),
        name: "c-1-control-plane-x".into(),
        message: message.into(),
        ..MachineFault::default()
    };
    let machines = |faults: Vec<MachineFault>| Ok(Machines { faults, ..Machines::default() });
    let mut facts = ClusterFacts { machines: machines(vec![fault(CORES)]), ..sound() };
    in_magnum(&mut facts, "CREATE_IN_PROGRESS", 60);
    say(
        &mut facts,
        "kubeadmcontrolplanes",
        &json!({"conditions": [
        condition("MachinesReady", "False", "Machine c-1-x: waiting for infrastructure")]}),
    );
    assert_eq!(first(&facts), Some((Layer::Quota, Cause::QuotaExhausted)));
    facts.machines = machines(vec![fault("Authentication failed: got 401")]);
    let refused = Some((Layer::ClusterCredential, Cause::CredentialRefused));
    assert_eq!(first(&facts), refused);
    facts.machines = machines(Vec::new());
    let first = judged(&facts, 900).first.unwrap();
    assert_eq!(first.cause, Cause::ControlPlane);
    assert!(first.finding.remedy.unwrap().contains("openstackservers"));
}

pub(super) fn since(kind: &str, status: &str, severity: &str, minutes: i64) -> Value {
    let now: Timestamp = NOW.parse().unwrap();
    let time = (now - SignedDuration::from_mins(minutes)).to_string();
    json!({"type": kind, "status": status, "severity": severity, "reason": "Because",
           "message": "it is so", "lastTransitionTime": time})
}

/// kubernetes-sigs/cluster-api#9398, #2651.
#[test]
fn a_rollout_that_hangs_is_broken_and_one_that_moves_is_waited_for() {
    let rolling = |minutes: i64, faults: &[(&str, &str)]| {
        let mut facts = sound();
        in_magnum(&mut facts, "UPDATE_IN_PROGRESS", minutes);
        let mut all = vec![
            since("MachinesSpecUpToDate", "False", "Warning", minutes),
            since("Resized", "False", "Warning", minutes),
            since("Available", "True", "", minutes),
        ];
        all.extend(faults.iter().map(|(kind, severity)| since(kind, "False", severity, minutes)));
        say(&mut facts, "kubeadmcontrolplanes", &json!({ "conditions": all }));
        facts
    };
    let errors = [("MachinesReady", "Error"), ("EtcdClusterHealthy", "Error")];
    let day = judged(&rolling(24 * 60, &errors), 900).first.expect("a day");
    assert_eq!(day.cause, Cause::ControlPlane);
    assert_eq!(first(&rolling(5, &errors)), None, "five minutes");
    // v1beta2 has no severities; and nothing at all has moved for a day.
    let silent = Some((Layer::ClusterApi, Cause::ControlPlane));
    assert_eq!(first(&rolling(24 * 60, &[("MachinesReady", "")])), silent);
    assert_eq!(first(&rolling(24 * 60, &[("MachinesReady", "Warning")])), silent);
    let mut moves = rolling(24 * 60, &[]);
    say(
        &mut moves,
        "kubeadmcontrolplanes",
        &json!({ "conditions": [
            since("MachinesSpecUpToDate", "False", "Warning", 24 * 60),
            since("MachinesReady", "False", "Warning", 24 * 60),
            since("Available", "True", "", 24 * 60),
            since("ControlPlaneComponentsHealthy", "False", "Warning", 2),
        ]}),
    );
    assert_eq!(first(&moves), None, "one machine after the other");
}

/// kubernetes/autoscaler#3874.
#[test]
fn a_resize_that_goes_on_is_waited_for() {
    let mut facts = sound();
    in_magnum(&mut facts, "UPDATE_IN_PROGRESS", 2);
    let status = json!({"phase": "ScalingUp",
        "conditions": [condition("Ready", "True", ""), since("MachinesReady", "False", "Error", 2)],
        "v1beta2": {"conditions": [since("ScalingUp", "True", "", 2)]}});
    say(&mut facts, "machinedeployments", &status);
    assert_eq!(first(&facts), None);
}

pub(super) fn release(status: &str, revision: u32, minutes: i64) -> Release {
    let now: Timestamp = NOW.parse().unwrap();
    serde_json::from_value(json!({
        "namespace": "magnum-p1", "name": "c-1", "revision": revision, "status": status,
        "chart": "openstack-cluster", "chart_version": "0.25.1", "app_version": null,
        "updated": now - SignedDuration::from_mins(minutes),
    }))
    .unwrap()
}

/// flant/addon-operator#239, helm/helm#10549; openstack/magnum, `cluster_conductor.py`.
#[test]
fn the_remedy_of_a_release_fits_its_state_and_its_revision() {
    let said = |status: &str, revision: u32, magnum: &str| {
        let release = Ok(Some(release(status, revision, 8 * 60)));
        let mut facts = ClusterFacts { release, ..sound() };
        in_magnum(&mut facts, magnum, 8 * 60);
        let mut all = judged(&facts, 900).layers.into_iter().flat_map(|layer| layer.findings);
        let one = all.find(|one| one.layer == Layer::HelmRelease).unwrap();
        assert_eq!(one.finding.severity, Severity::Broken);
        one.finding.remedy.unwrap()
    };
    let first = said("pending-install", 1, "CREATE_IN_PROGRESS");
    assert!(!first.contains("rollback") && first.contains("create it again"), "{first}");
    for status in ["pending-upgrade", "pending-rollback"] {
        let later = said(status, 3, "UPDATE_IN_PROGRESS");
        assert!(later.ends_with("helm -n magnum-p1 rollback c-1"), "{later}");
        let first = said(status, 1, "UPDATE_IN_PROGRESS");
        assert!(!first.contains("rollback"), "{first}");
    }
    let again = said("uninstalling", 2, "DELETE_IN_PROGRESS");
    assert!(again.ends_with("helm -n magnum-p1 uninstall c-1") && !again.contains("rollback"));
    let failed = said("failed", 1, "CREATE_FAILED");
    assert!(failed.contains("delete the cluster and create it again"), "{failed}");
    assert!(!failed.contains("resize"), "{failed}");
    assert!(said("failed", 2, "UPDATE_FAILED").contains("resize (or upgrade)"));
    assert!(said("failed", 2, "DELETE_FAILED").contains("delete the cluster again"));
}

/// kubernetes-sigs/cluster-api-provider-aws#4584.
#[test]
fn a_pause_by_annotation_is_ended_where_it_is() {
    let paused = |plural: &str, more: Value| {
        let mut facts = sound();
        let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
        let reads = health_reads(driver, overrides, names).unwrap();
        let read = reads.iter().find(|read| read.plural == plural).unwrap();
        let mut object = json!({"metadata": {"name": "c-1"}, "status": {"ready": true, "phase": "Running",
            "conditions": [condition("Ready", "True", "")]}});
        for (key, value) in more.as_object().unwrap() {
            object[key] = value.clone();
        }
        answers.0.insert(read.path.clone(), Answer::of(200, &object.to_string()));
        let first = judged(&facts, 900).first.unwrap();
        assert_eq!(first.cause, Cause::Paused);
        first.finding.remedy.unwrap()
    };
    let annotated = json!({"metadata": {"name": "c-1",
        "annotations": {"cluster.x-k8s.io/paused": "true"}}});
    for plural in ["clusters", "openstackclusters", "kubeadmcontrolplanes"] {
        let said = paused(plural, annotated.clone());
        assert!(said.contains(&format!("annotate {plural}.")), "{said}");
        assert!(
            said.ends_with(" c-1 cluster.x-k8s.io/paused-") && !said.contains("patch"),
            "{said}"
        );
    }
    let said = paused("clusters", json!({"spec": {"paused": true}}));
    assert!(said.contains("patch cluster c-1") && !said.contains("annotate"), "{said}");
}

/// kubernetes-sigs/cluster-api-operator#707, sapcc/helm-charts#6044.
#[test]
fn what_a_conversion_webhook_hides_is_unknown_and_its_definition_is_named() {
    let mut facts = sound();
    let message = "conversion webhook for infrastructure.cluster.x-k8s.io/v1beta1, Kind=OpenStackCluster \
                   failed: Post \"https://capo-webhook-service.capo-system.svc:443/convert\": x509: \
                   certificate signed by unknown authority";
    let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
    let reads = health_reads(driver, overrides, names).unwrap();
    let read = reads.iter().find(|read| read.plural == "openstackclusters").unwrap();
    let body = json!({ "kind": "Status", "message": message }).to_string();
    answers.0.insert(read.path.clone(), Answer::of(500, &body));
    let report = judged(&facts, 900);
    let first = report.first.unwrap();
    assert_eq!(first.cause, Cause::WebhookDown);
    let remedy = first.finding.remedy.unwrap();
    assert!(remedy.contains("crd openstackclusters.infrastructure.cluster.x-k8s.io"), "{remedy}");
    let layer = report.layers.into_iter().find(|one| one.layer == Layer::ClusterApi).unwrap();
    assert_eq!((layer.state, layer.evidence), (LayerState::Unknown, vec![]));
    let said = layer.findings[0].finding.summary.clone();
    assert_eq!(said, "not read: openstackclusters.infrastructure.cluster.x-k8s.io: HTTP 500");
}
