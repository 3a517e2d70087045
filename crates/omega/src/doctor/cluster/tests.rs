use omega_capi::health::{Addon, HealthFacts, MachineFault, Machines, Recorded, health_reads};
use omega_core::Severity;
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

/// A status of a cluster in Magnum, since `minutes`.
fn in_magnum(facts: &mut ClusterFacts, status: &str, minutes: i64) {
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

fn addon(phase: Option<&str>) -> Addon {
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

const CORES: &str = "error creating OpenStack instance: got 403 instead: {\"forbidden\": {\"code\": 403, \
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

fn since(kind: &str, status: &str, severity: &str, minutes: i64) -> Value {
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

fn release(status: &str, revision: u32, minutes: i64) -> Release {
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

/// The findings at a layer.
fn at(facts: &ClusterFacts, layer: Layer) -> Vec<LayerFinding> {
    let all = judged(facts, 900).layers.into_iter().filter(|one| one.layer == layer);
    all.flat_map(|one| one.findings).collect()
}

/// A condition with a reason of its own.
fn because(kind: &str, reason: &str, severity: &str, minutes: i64) -> Value {
    let mut one = since(kind, "False", severity, minutes);
    one["reason"] = reason.into();
    one
}

fn joined(facts: &mut ClusterFacts, minutes: i64) {
    let now: Timestamp = NOW.parse().unwrap();
    let joined = Some(now - SignedDuration::from_mins(minutes));
    facts.machines = Ok(Machines { joined, ..Machines::default() });
}

/// kubernetes/autoscaler#3874; Cluster API 1.13.2, `machinedeployment_controller.go`, `updateAvailableCondition`.
#[test]
fn a_scale_up_is_in_progress_until_nothing_moves_for_the_patience() {
    let waits = "WaitingForAvailableMachines";
    // As each contract says it: with both; v1beta2 alone; v1beta1 by a reason of the control plane, and
    // by one that a lost machine has too.
    let worlds: [&dyn Fn(i64) -> ClusterFacts; 4] = [
        &|minutes| {
            let mut facts = sound();
            let status = json!({"phase": "ScalingUp",
                "conditions": [because("Available", waits, "Warning", minutes),
                               because("Ready", waits, "Warning", minutes)],
                "v1beta2": {"conditions": [since("ScalingUp", "True", "", minutes),
                                           since("Available", "False", "", minutes)]}});
            say(&mut facts, "machinedeployments", &status);
            let cluster = json!({"conditions": [condition("Ready", "True", "")],
                "v1beta2": {"conditions": [since("ScalingUp", "True", "", minutes),
                    since("WorkersAvailable", "False", "", minutes),
                    since("Available", "False", "", minutes)]}});
            say(&mut facts, "clusters", &cluster);
            facts
        },
        &|minutes| {
            let mut facts = sound();
            let status = json!({"v1beta2": {"conditions": [since("ScalingUp", "True", "", minutes),
                since("RollingOut", "False", "", minutes), since("Available", "False", "", minutes),
                since("MachinesReady", "False", "", minutes)]}});
            say(&mut facts, "machinedeployments", &status);
            facts
        },
        &|minutes| {
            let mut facts = sound();
            let status = json!({"conditions": [because("Ready", "ScalingUp", "Warning", minutes),
                because("Resized", "ScalingUp", "Warning", minutes),
                because("MachinesReady", "WaitingForInfrastructure", "Info", minutes)]});
            say(&mut facts, "kubeadmcontrolplanes", &status);
            facts
        },
        &|minutes| {
            let mut facts = sound();
            let status = json!({"phase": "ScalingUp", "conditions": [
                because("Available", waits, "Warning", minutes), because("Ready", waits, "Warning", minutes)]});
            say(&mut facts, "machinedeployments", &status);
            facts
        },
    ];
    for (nth, world) in worlds.into_iter().enumerate() {
        assert_eq!(first(&world(2)), None, "world {nth}");
        let at_once = at(&world(2), Layer::ClusterApi).into_iter().map(|one| one.finding);
        let waits = at_once.filter(|one| one.severity == Severity::Waiting).collect::<Vec<_>>();
        let said = &waits.first().expect("it is in progress").summary;
        assert!(
            said.starts_with("in progress: ") && said.contains("since 2026-11-21T16:58:00Z"),
            "{said}"
        );
        let cause = if nth == 2 { Cause::ControlPlane } else { Cause::Workers };
        assert_eq!(
            first(&world(30)),
            Some((Layer::ClusterApi, cause)),
            "world {nth}, half an hour"
        );
        // One machine after the other, and each takes a while.
        let mut moves = world(300);
        joined(&mut moves, 5);
        assert_eq!(first(&moves), None, "world {nth}, five hours, and it moves");
        joined(&mut moves, 60);
        assert_eq!(first(&moves), Some((Layer::ClusterApi, cause)), "world {nth}, and it does not");
    }
}

/// A rollout of the workers excuses nothing of the control plane, nor does Magnum's word that it updates.
#[test]
fn what_does_not_scale_itself_is_not_excused() {
    let mut facts = sound();
    let scales = json!({"v1beta2": {"conditions": [since("ScalingUp", "True", "", 2)]}});
    say(&mut facts, "machinedeployments", &scales);
    let lost = json!({"conditions": [since("Available", "False", "", 2)]});
    say(&mut facts, "kubeadmcontrolplanes", &lost);
    assert_eq!(first(&facts), Some((Layer::ClusterApi, Cause::ControlPlane)));
    let mut facts = sound();
    in_magnum(&mut facts, "UPDATE_IN_PROGRESS", 2);
    say(&mut facts, "kubeadmcontrolplanes", &lost);
    assert_eq!(first(&facts), Some((Layer::ClusterApi, Cause::ControlPlane)));
}

/// A machine that says what failed is not waited for.
#[test]
fn a_machine_names_the_cause_of_a_scale_up_at_once() {
    let with = |message: &str, is_error: bool, control_plane: bool| {
        let mut facts = sound();
        let scales = json!({"v1beta2": {"conditions": [
            since("ScalingUp", "True", "", 2), since("Available", "False", "", 2)]}});
        say(&mut facts, "machinedeployments", &scales);
        let fault = MachineFault {
            plural: "openstackmachines".into(),
            name: "c-1-w-x".into(),
            message: message.into(),
            since: NOW.parse().ok(),
            is_error,
            control_plane,
        };
        facts.machines = Ok(Machines { faults: vec![fault], ..Machines::default() });
        judged(&facts, 900).first.map(|one| (one.cause, one.finding.summary))
    };
    let (cause, said) = with("No valid host was found.", true, false).unwrap();
    assert_eq!(cause, Cause::Workers);
    assert_eq!(said, "openstackmachines c-1-w-x: No valid host was found.");
    assert_eq!(with("No valid host was found.", true, true).unwrap().0, Cause::ControlPlane);
    assert_eq!(with("waiting for bootstrap data", false, false), None);
    assert_eq!(with("request timed out", true, false), None, "a slow service passes");
    assert_eq!(with(CORES, true, false).unwrap().0, Cause::QuotaExhausted);
}

/// What Nova refuses by its policy is no matter of Octavia's role.
#[test]
fn a_refusal_names_the_role_of_the_service_that_refused() {
    let said = |message: &str, roles: &[&str]| {
        let mut facts = ClusterFacts { credential: Ok(Some(accepted(roles))), ..sound() };
        in_magnum(&mut facts, "CREATE_IN_PROGRESS", 60);
        let untrue = [condition("MachinesReady", "False", message)];
        say(&mut facts, "kubeadmcontrolplanes", &json!({ "conditions": untrue }));
        let first = judged(&facts, 900).first.unwrap();
        assert_eq!((first.layer, first.cause), (Layer::ClusterCredential, Cause::RoleMissing));
        (first.finding.remedy.unwrap(), Evidence::line(&first.finding.evidence))
    };
    let nova = "error creating OpenStack instance: got 403 instead: {\"forbidden\": {\"code\": 403, \"message\": \
                \"Policy doesn't allow os_compute_api:servers:create to be performed.\"}}";
    let (remedy, shown) = said(nova, &["reader"]);
    assert!(
        remedy.contains("give the user who creates clusters member on the project"),
        "{remedy}"
    );
    assert!(!remedy.contains("load-balancer_member") && !remedy.contains("D-039"), "{remedy}");
    assert!(
        shown.contains("refused by Nova") && shown.contains("lacks the role member"),
        "{shown}"
    );
    assert!(!shown.contains("load-balancer_member"), "{shown}");
    let (remedy, shown) = said(nova, &["member"]);
    assert!(
        remedy.contains("the policy of Nova asks for, rule os_compute_api:servers:create"),
        "{remedy}"
    );
    assert!(!shown.contains("lacks the role"), "{shown}");
    let octavia = "when accessing [POST https://o/v2/lbaas/loadbalancers], but got 403 instead: \
                   Policy does not allow this request to be performed.";
    let (remedy, shown) = said(octavia, &["member"]);
    assert!(remedy.contains("load-balancer_member") && remedy.contains("D-039"), "{remedy}");
    assert!(shown.contains("lacks the role load-balancer_member"), "{shown}");
    let (remedy, shown) = said("got 403 instead: Forbidden", &["reader"]);
    assert!(remedy.contains("the service that the message names"), "{remedy}");
    assert!(!shown.contains("lacks the role"), "{shown}");
}

/// All that the driver waits for, in Magnum's status `status` for eight hours.
fn all_done(status: &str) -> ClusterFacts {
    let mut facts = sound();
    in_magnum(&mut facts, status, 8 * 60);
    let all = [
        "Ready",
        "InfrastructureReady",
        "ControlPlaneReady",
        "MachinesReady",
        "EtcdClusterHealthy",
        "ControlPlaneComponentsHealthy",
    ];
    let all = all.map(|kind| condition(kind, "True", ""));
    say(&mut facts, "clusters", &json!({ "conditions": all }));
    control_plane(&mut facts, 3);
    facts.groups = [("default-master", "master"), ("w", "worker")]
        .map(|(name, role)| {
            let group = json!({"name": name, "role": role, "status": status});
            serde_json::from_value(group).unwrap()
        })
        .into();
    facts
}

/// The control plane of three, of which so many are ready.
fn control_plane(facts: &mut ClusterFacts, ready: i64) {
    control_plane_at(facts, ready, 8 * 60);
}

/// The same, since so many minutes.
fn control_plane_at(facts: &mut ClusterFacts, ready: i64, minutes: i64) {
    let all = ["Ready", "MachinesReady", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy"];
    let all = all.map(|kind| since(kind, "True", "", minutes));
    let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
    let reads = health_reads(driver, overrides, names).unwrap();
    let read = reads.iter().find(|read| read.plural == "kubeadmcontrolplanes").unwrap();
    let object = json!({"metadata": {"name": "c-1"}, "spec": {"replicas": 3}, "status": {
        "conditions": all, "replicas": 3, "updatedReplicas": 3, "readyReplicas": ready}});
    answers.0.insert(read.path.clone(), Answer::of(200, &object.to_string()));
}

/// openstack/magnum-capi-helm, `update_cluster_status`; magnum 18.0.1, `service/periodic.py`.
#[test]
fn a_create_or_an_update_that_never_ends_is_told_by_what_the_driver_waits_for() {
    for status in ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"] {
        let found = judged(&all_done(status), 900).first.expect("eight hours");
        assert_eq!((found.layer, found.cause), (Layer::Magnum, Cause::StaleStatus));
        let expected = format!(
            "Cluster API says that all is done, and Magnum still says {status} since \
                                2026-11-21T09:00:00Z"
        );
        assert_eq!(found.finding.summary, expected);
        let remedy = found.finding.remedy.unwrap();
        assert!(remedy.contains("ClusterUpdateJob.update_status' failed"), "{remedy}");
        let mut young = all_done(status);
        in_magnum(&mut young, status, 5);
        assert_eq!(first(&young), None, "five minutes");
    }
    let mut waits = all_done("CREATE_IN_PROGRESS");
    control_plane(&mut waits, 2);
    let found = judged(&waits, 900).first.unwrap();
    assert_eq!((found.layer, found.cause), (Layer::ClusterApi, Cause::ControlPlane));
    let said = found.finding.summary;
    assert!(said.contains("wanted 3, replicas 3, updated 3, ready 2"), "{said}");
    // Magnum has done with that node group: it is not what is waited for.
    waits.groups[0] = serde_json::from_value(
        json!({"name": "default-master", "role": "master", "status": "CREATE_COMPLETE"}),
    )
    .unwrap();
    assert_eq!(first(&waits), Some((Layer::Magnum, Cause::StaleStatus)));
    let mut waits = all_done("UPDATE_IN_PROGRESS");
    let status = json!({"phase": "ScalingUp", "conditions": [condition("Ready", "True", "")]});
    say(&mut waits, "machinedeployments", &status);
    assert_eq!(first(&waits), Some((Layer::ClusterApi, Cause::Workers)));
    let mut waits = all_done("CREATE_IN_PROGRESS");
    say(
        &mut waits,
        "clusters",
        &json!({"conditions": [condition("InfrastructureReady", "True", ""),
                                                       condition("ControlPlaneReady", "True", "")]}),
    );
    let said = judged(&waits, 900).first.unwrap().finding.summary;
    assert!(said.ends_with("Cluster: Ready is True; it is absent"), "{said}");
    // What could not be read is not taken for done, and an addon is told as such.
    let unread = ClusterFacts { addons: Err("no answer".into()), ..all_done("CREATE_IN_PROGRESS") };
    assert_eq!(first(&unread), None);
    let held = ClusterFacts {
        addons: Ok(vec![addon(Some("Installing"))]),
        ..all_done("CREATE_IN_PROGRESS")
    };
    assert_eq!(first(&held), Some((Layer::ClusterApi, Cause::AddonFailed)));
    // While Cluster API says that machines come and go, and they do, it is waited for.
    let mut moves = all_done("UPDATE_IN_PROGRESS");
    let status = json!({"phase": "ScalingUp", "v1beta2": {"conditions": [since("ScalingUp", "True", "", 60),
        condition("Available", "True", "")]}});
    say(&mut moves, "machinedeployments", &status);
    joined(&mut moves, 5);
    assert_eq!(first(&moves), None);
    joined(&mut moves, 60);
    let mut hangs = moves;
    let old = json!({"phase": "ScalingUp", "v1beta2": {"conditions": [since("ScalingUp", "True", "", 60)]}});
    say(&mut hangs, "machinedeployments", &old);
    for plural in ["clusters", "openstackclusters"] {
        let all = ["Ready", "InfrastructureReady", "ControlPlaneReady"];
        let all = all.map(|kind| since(kind, "True", "", 60));
        say(&mut hangs, plural, &json!({"ready": true, "conditions": all}));
    }
    control_plane_at(&mut hangs, 3, 60);
    assert_eq!(first(&hangs), Some((Layer::ClusterApi, Cause::Workers)));
    // A node group that is being deleted, whose machines stay.
    let mut leaves = all_done("UPDATE_IN_PROGRESS");
    leaves.groups.push(
        serde_json::from_value(
            json!({"name": "gpu", "role": "worker", "status": "DELETE_IN_PROGRESS"}),
        )
        .unwrap(),
    );
    assert_eq!(first(&leaves), Some((Layer::Magnum, Cause::StaleStatus)), "its machines are gone");
    leaves.machines = Ok(Machines { groups: ["gpu".to_owned()].into(), ..Machines::default() });
    let said = judged(&leaves, 900).first.unwrap();
    assert_eq!(said.cause, Cause::Workers);
    assert!(said.finding.summary.contains("the machines of node group gpu are gone"));
}

/// Magnum does not notice either, or has never asked.
#[test]
fn a_delete_that_cluster_api_is_done_with_is_told() {
    let with = |minutes: i64, gone: bool| {
        let mut facts = sound();
        facts.cluster.status = Some("DELETE_IN_PROGRESS".into());
        facts.evidence.status = "DELETE_IN_PROGRESS".into();
        let now: Timestamp = NOW.parse().unwrap();
        facts.cluster.updated_at = Some((now - SignedDuration::from_mins(minutes)).to_string());
        facts.evidence.load_balancers = Some(Vec::new());
        let kinds = |all: &[&str]| {
            let all: Vec<Value> =
                all.iter().map(|one| json!({"kind": "K", "plural": one})).collect();
            json!([{"version": "v1beta1", "kinds": all}])
        };
        let served = json!({"groups": {
            "cluster.x-k8s.io": kinds(&["clusters", "machinedeployments"]),
            "controlplane.cluster.x-k8s.io": kinds(&["kubeadmcontrolplanes"]),
            "infrastructure.cluster.x-k8s.io": kinds(&["openstackclusters"]),
        }});
        facts.evidence.served = Some(serde_json::from_value(served).unwrap());
        if gone {
            for answer in facts.evidence.answers.0.values_mut() {
                *answer = Answer::of(404, "{}");
            }
        }
        judged(&facts, 900).first.map(|one| (one.cause, one.finding.summary))
    };
    assert_eq!(with(5, true), None);
    let (cause, said) = with(60, true).unwrap();
    assert_eq!(cause, Cause::StaleStatus);
    assert!(said.starts_with("Cluster API has deleted it"), "{said}");
    let (cause, said) = with(60, false).unwrap();
    assert_eq!(cause, Cause::DeletingStuck);
    assert!(said.ends_with("nobody has deleted its Cluster"), "{said}");
}

/// A create that has not come to helm has no Cluster that somebody deleted.
#[test]
fn a_create_that_was_lost_before_helm_is_told_as_that() {
    let mut facts = all_done("CREATE_IN_PROGRESS");
    facts.evidence.load_balancers = Some(Vec::new());
    for answer in facts.evidence.answers.0.values_mut() {
        *answer = Answer::of(404, "{}");
    }
    let found = judged(&facts, 900).first.unwrap();
    assert_eq!(found.cause, Cause::ClusterMissing);
    let remedy = found.finding.remedy.unwrap();
    assert!(remedy.starts_with("helm has not run for it"), "{remedy}");
}

/// The credentials that are refused are those of a file.
#[test]
fn a_refused_login_names_its_file_and_lacking_rights_are_no_refused_login() {
    let with = |code: u16| {
        let mut facts = sound();
        for answer in facts.evidence.answers.0.values_mut() {
            *answer = Answer::of(code, r#"{"message": "no"}"#);
        }
        let found = judged(&facts, 900).first.unwrap();
        (found.cause, found.finding.remedy.unwrap())
    };
    let (cause, remedy) = with(401);
    assert_eq!(cause, Cause::CredentialRefused);
    assert!(remedy.starts_with("mgmt.kubeconfig is not a minted kubeconfig"), "{remedy}");
    let (cause, remedy) = with(403);
    assert_eq!(cause, Cause::RightsMissing);
    assert!(remedy.contains("RBAC") && !remedy.contains("mint"), "{remedy}");
}
