//! A healthy cluster, and changes of its objects, for tests.

use omega_capi::{
    health::{
        Answer, Answers, CONTROL_PLANE_CONDITIONS, HealthFacts, LoadBalancer, Machines, Names,
        NodeGroup, Recorded, health_reads,
    },
    served::ServedVersions,
};
use omega_driver::{DriverRelease, Overrides};
use omega_openstack::{container_infra::Cluster, identity::CredentialStatus};
use serde_json::{Value, json};

use super::ClusterFacts;

/// A cluster that is created and HEALTHY, with every condition true.
pub(super) fn sound() -> ClusterFacts {
    let cluster: Cluster = serde_json::from_value(json!({
        "uuid": "u", "name": "c", "project_id": "p1", "cluster_template_id": "t",
        "stack_id": "c-1", "status": "CREATE_COMPLETE", "health_status": "HEALTHY",
        "created_at": "2026-11-21T16:50:00Z",
    }))
    .unwrap();
    let group = NodeGroup { name: "w".into(), role: "worker".into() };
    let names = Names {
        stack_id: Some("c-1".into()),
        project_id: "p1".into(),
        namespace_prefix: "magnum".into(),
        node_groups: vec![group],
    };
    let balancer = LoadBalancer {
        name: "k8s-clusterapi-cluster-magnum-p1-c-1-kubeapi".into(),
        provisioning_status: "ACTIVE".into(),
        operating_status: "ONLINE".into(),
    };
    let reasons = ["cluster", "infrastructure", "controlplane", "nodegroup"];
    let reasons = reasons.map(|key| (key.to_owned(), Value::from("Ready")));
    let mut facts = ClusterFacts {
        cluster,
        stack: "c-1".into(),
        evidence: HealthFacts {
            driver: DriverRelease::v1_4_0(),
            overrides: Overrides::default(),
            names,
            status: "CREATE_COMPLETE".into(),
            recorded: Recorded {
                status: Some("HEALTHY".into()),
                reason: Some(reasons.into_iter().collect()),
            },
            served: None::<ServedVersions>,
            answers: Answers::default(),
            as_driver: None,
            load_balancers: Some(vec![balancer]),
            credential: None,
        },
        addons: Ok(Vec::new()),
        machines: Ok(Machines::default()),
        groups: Vec::new(),
        groups_unknown: None,
        control_plane: CONTROL_PLANE_CONDITIONS.map(str::to_owned).into(),
        renew: "mgmt.kubeconfig is not a minted kubeconfig".into(),
        release: Ok(None),
        quotas: Vec::new(),
        quotas_unknown: None,
        credential: Ok(Some(accepted(&["member", "load-balancer_member"]))),
    };
    for plural in ["clusters", "openstackclusters", "kubeadmcontrolplanes", "machinedeployments"] {
        say(
            &mut facts,
            plural,
            &json!({"ready": true, "phase": "Running", "conditions": [condition("Ready", "True", "")]}),
        );
    }
    facts
}

pub(super) fn accepted(roles: &[&str]) -> CredentialStatus {
    let accepted = json!({"accepted": {"project": null, "roles": roles, "expires": null}});
    serde_json::from_value(accepted).unwrap()
}

pub(super) fn condition(kind: &str, status: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "severity": if status == "True" { "" } else { "Error" },
           "message": message, "lastTransitionTime": "2026-11-21T16:59:00Z"})
}

/// Gives the object of the kind `plural` this status.
pub(super) fn say(facts: &mut ClusterFacts, plural: &str, status: &Value) {
    let HealthFacts { driver, overrides, names, answers, .. } = &mut facts.evidence;
    let reads = health_reads(driver, overrides, names).unwrap();
    let read = reads.iter().find(|read| read.plural == plural).unwrap();
    let object = json!({"metadata": {"name": "c-1"}, "status": status}).to_string();
    answers.0.insert(read.path.clone(), Answer::of(200, &object));
}

/// Makes the provider fail with `message`, and the Cluster with it.
pub(super) fn fails(facts: &mut ClusterFacts, kind: &str, message: &str) {
    let untrue = [condition("Ready", "False", message), condition(kind, "False", message)];
    say(facts, "openstackclusters", &json!({"ready": false, "conditions": untrue}));
    let untrue = [condition("InfrastructureReady", "False", message)];
    say(facts, "clusters", &json!({"conditions": untrue}));
}
