//! What is in progress, what never ends, and what a machine says.

use omega_capi::health::{HealthFacts, MachineFault, Machines, health_reads};
use omega_core::Severity;
use serde_json::{Value, json};

use super::{
    sound::{accepted, condition, say, sound},
    tests::{CORES, NOW, addon, first, in_magnum, judged, release, since},
    *,
};

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
    let worlds: [&dyn Fn(i64) -> ClusterFacts; 5] = [
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
        // The machine exists and boots: v1beta2 says no longer that it scales.
        &|minutes| {
            let mut facts = sound();
            let status = json!({"phase": "ScalingUp", "v1beta2": {"conditions": [
                since("ScalingUp", "False", "", 600), since("Available", "False", "", minutes),
                since("MachinesReady", "False", "", minutes)]}});
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
    let object = json!({"metadata": {"name": "c-1"}, "spec": {"replicas": 3}, "status": {
        "conditions": all, "replicas": 3, "updatedReplicas": 3, "readyReplicas": ready}});
    whole(facts, "kubeadmcontrolplanes", &object);
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
    // What could not be read is not taken for done, and an addon is reported as such.
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

/// The object of the kind `plural`, whole.
fn whole(facts: &mut ClusterFacts, plural: &str, object: &Value) {
    let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
    let reads = health_reads(driver, overrides, names).unwrap();
    let read = reads.iter().find(|read| read.plural == plural).unwrap();
    answers.0.insert(read.path.clone(), Answer::of(200, &object.to_string()));
}

/// A sound cluster with one change, and what is to be fixed first.
type Odd = (&'static str, fn(&mut ClusterFacts), Option<Cause>);

const ODD: [Odd; 30] = [
    ("a null status", |f| say(f, "machinedeployments", &Value::Null), None),
    ("null conditions", |f| say(f, "kubeadmcontrolplanes", &json!({"conditions": null})), None),
    ("a null condition", |f| say(f, "clusters", &json!({"conditions": [null]})), None),
    (
        "a null spec and template",
        |f| {
            whole(
                f,
                "machinedeployments",
                &json!({"metadata": {"name": "c-1"},
            "spec": null, "status": {"phase": "Running"}}),
            );
        },
        None,
    ),
    (
        "scaling without a time",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"v1beta2": {"conditions": [
            {"type": "ScalingUp", "status": "True"}, {"type": "Available", "status": "False"}]}}),
            );
        },
        None,
    ),
    (
        "scaling in the future",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"v1beta2": {"conditions": [
            since("ScalingUp", "True", "", -60), since("Available", "False", "", -60)]}}),
            );
        },
        None,
    ),
    (
        "a time that is none",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"phase": "ScalingUp", "conditions": [
            {"type": "Available", "status": "False", "lastTransitionTime": "soon"}]}),
            );
        },
        None,
    ),
    (
        "scaling down",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"phase": "ScalingDown",
            "conditions": [since("Available", "False", "Warning", 2)]}),
            );
        },
        None,
    ),
    (
        "a phase in other letters",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"phase": "scalingup",
            "conditions": [since("Available", "False", "Warning", 2)]}),
            );
        },
        Some(Cause::Workers),
    ),
    (
        "remediating",
        |f| {
            say(
                f,
                "kubeadmcontrolplanes",
                &json!({"v1beta2": {"conditions": [
            since("Remediating", "True", "", 5), since("MachinesReady", "False", "", 5)]}}),
            );
        },
        None,
    ),
    (
        "remediating for an hour",
        |f| {
            say(
                f,
                "kubeadmcontrolplanes",
                &json!({"v1beta2": {"conditions": [
            since("Remediating", "True", "", 60), since("MachinesReady", "False", "", 60)]}}),
            );
        },
        Some(Cause::ControlPlane),
    ),
    (
        "the cluster's summary while workers scale",
        |f| {
            say(
                f,
                "machinedeployments",
                &json!({"v1beta2": {"conditions": [since("ScalingUp", "True", "", 2)]}}),
            );
            say(
                f,
                "clusters",
                &json!({"conditions": [because("Ready", "WaitingForAvailableMachines", "Warning", 2)],
            "v1beta2": {"conditions": [since("Available", "False", "", 2),
                since("WorkersAvailable", "False", "", 2)]}}),
            );
        },
        None,
    ),
    (
        "workers lost, and nothing scales",
        |f| {
            say(
                f,
                "clusters",
                &json!({"v1beta2": {"conditions": [since("WorkersAvailable", "False", "", 2)]}}),
            );
        },
        Some(Cause::Workers),
    ),
    (
        "an update without a time",
        |f| {
            *f = all_done("UPDATE_IN_PROGRESS");
            f.cluster.updated_at = None;
        },
        None,
    ),
    (
        "an update at no time",
        |f| {
            *f = all_done("UPDATE_IN_PROGRESS");
            f.cluster.updated_at = Some("yesterday".into());
        },
        None,
    ),
    (
        "a create in the future",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            in_magnum(f, "CREATE_IN_PROGRESS", -60);
        },
        None,
    ),
    (
        "node groups without a status",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            control_plane(f, 2);
            f.groups = Vec::new();
        },
        Some(Cause::ControlPlane),
    ),
    (
        "a node group that failed is not waited for",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            say(
                f,
                "machinedeployments",
                &json!({"phase": "Failed", "conditions": [condition("Ready", "True", "")]}),
            );
        },
        Some(Cause::StaleStatus),
    ),
    (
        "an addon with a null status",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            f.addons = Ok(vec![addon(None)]);
        },
        Some(Cause::AddonFailed),
    ),
    (
        "a release that is pending",
        |f| {
            *f = all_done("UPDATE_IN_PROGRESS");
            f.release = Ok(Some(release("pending-upgrade", 3, 8 * 60)));
        },
        Some(Cause::ReleasePending),
    ),
    (
        "a paused cluster that is updated",
        |f| {
            *f = all_done("UPDATE_IN_PROGRESS");
            whole(
                f,
                "clusters",
                &json!({"metadata": {"name": "c-1"}, "spec": {"paused": true},
            "status": {"conditions": [condition("Ready", "True", "")]}}),
            );
        },
        Some(Cause::Paused),
    ),
    (
        "node groups that were not listed",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            f.groups_unknown = Some("no answer".into());
        },
        None,
    ),
    (
        "machines that were not listed",
        |f| {
            *f = all_done("CREATE_IN_PROGRESS");
            f.machines = Err("no right".into());
        },
        None,
    ),
    ("another status", |f| *f = all_done("ROLLBACK_IN_PROGRESS"), None),
    (
        "a machine's error on a cluster that goes",
        |f| {
            *f = all_done("DELETE_IN_PROGRESS");
            in_magnum(f, "DELETE_IN_PROGRESS", 5);
            f.cluster.updated_at = NOW.parse::<Timestamp>().ok().map(|now| now.to_string());
            f.machines = Ok(broken_machine("no server"));
        },
        None,
    ),
    (
        "a machine's error after a failed create",
        |f| {
            *f = all_done("CREATE_FAILED");
            f.machines = Ok(broken_machine("No valid host was found."));
        },
        Some(Cause::Workers),
    ),
    (
        "a machine that Neutron's policy stops",
        |f| {
            f.machines = Ok(broken_machine(
                "got 403 instead: {\"NeutronError\": {\"type\": \"PolicyNotAuthorized\"}}",
            ));
        },
        Some(Cause::RoleMissing),
    ),
    (
        "a machine that Cinder's quota stops",
        |f| {
            f.machines =
                Ok(broken_machine("VolumeLimitExceeded: Maximum exceeded for quota 'volumes'"));
        },
        Some(Cause::QuotaExhausted),
    ),
    (
        "a machine whose image is gone",
        |f| {
            f.machines = Ok(broken_machine("Image 5d0c could not be found."));
        },
        Some(Cause::Workers),
    ),
    (
        "a delete at a version that nobody serves",
        |f| {
            *f = all_done("DELETE_IN_PROGRESS");
            in_magnum(f, "DELETE_IN_PROGRESS", 60);
            f.cluster.updated_at = Some("2026-11-21T09:00:00Z".into());
            f.evidence.load_balancers = Some(Vec::new());
            for answer in f.evidence.answers.0.values_mut() {
                *answer = Answer::of(404, "404 page not found");
            }
        },
        None,
    ),
];

fn broken_machine(message: &str) -> Machines {
    let fault = MachineFault {
        plural: "openstackservers".into(),
        name: "c-1-w-x".into(),
        message: message.into(),
        is_error: true,
        ..MachineFault::default()
    };
    Machines { faults: vec![fault], ..Machines::default() }
}

#[test]
fn odd_inputs_are_neither_faults_nor_hide_one() {
    let wrong = ODD.iter().filter_map(|(name, change, expected)| {
        let mut facts = sound();
        change(&mut facts);
        let found = judged(&facts, 900).first.map(|one| (one.cause, one.finding.summary));
        let cause = found.as_ref().map(|(cause, _)| *cause);
        (cause != *expected).then(|| format!("{name}: {found:?}, expected {expected:?}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
