//! `probe_pod_egress` on the simulator: verdicts, and that nothing is left.

use std::{ops::ControlFlow, time::Duration};

use omega_core::{Diagnostic as _, Touched};
use serde_json::{Value, json};

use super::*;
use crate::{
    Management,
    sim::{Fate, RbacApiserver, Spoiled},
};

const PODS: &str = "/api/v1/pods";

fn probe() -> EgressProbe {
    EgressProbe {
        namespace: "default".parse().unwrap(),
        image: "busybox:1.36".to_owned(),
        tool: Tool::Nc,
        host: "10.12.4.50".to_owned(),
        port: 5000,
        id: "abc".to_owned(),
        within: Duration::from_mins(1),
    }
}

/// A cluster at noon with near misses: a probe that runs, an old pod of another kind, an old probe
/// in another namespace, and one with our name there.
fn cluster(fate: Fate) -> RbacApiserver {
    let rbac = RbacApiserver::new("2026-11-21T12:00:00Z".parse().unwrap());
    rbac.set_fate(fate);
    rbac.put(PODS, old("running", "default", "egress", "2026-11-21T11:58:30Z"));
    rbac.put(PODS, old("other", "default", "ingress", "2026-11-20T12:00:00Z"));
    rbac.put(PODS, old("omega-egress-abc", "kube-system", "egress", "2026-11-20T12:00:00Z"));
    rbac
}

fn old(name: &str, namespace: &str, label: &str, made: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": namespace, "labels": {"omega/probe": label}, "creationTimestamp": made},
        "spec": {"activeDeadlineSeconds": 60},
    })
}

async fn probed(rbac: &RbacApiserver) -> Result<Probed, ProbeError> {
    let management = Management::over(rbac.clone(), "sim");
    probe_pod_egress(&management, &probe(), &mut |_| ControlFlow::Continue(())).await
}

#[tokio::test(start_paused = true)]
async fn every_fate_has_its_verdict_and_leaves_nothing() {
    let mut lines = Vec::new();
    for fate in [
        Fate::Ends(0, "10.12.4.50 (10.12.4.50:5000) open"),
        Fate::Ends(1, "nc: 10.12.4.50 (10.12.4.50:5000): Connection refused"),
        Fate::Ends(1, "nc: 10.12.4.50 (10.12.4.50:5000): Connection timed out"),
        Fate::Ends(1, "nc: bad address 'keystone'"),
        Fate::Ends(127, "sh: nc: not found"),
        Fate::Ends(3, ""),
        Fate::Runs,
        Fate::Unseen,
        Fate::Unschedulable,
        Fate::NoImage,
        Fate::NotStarted,
        Fate::NotAdmitted,
    ] {
        let rbac = cluster(fate);
        let before = rbac.snapshot();
        let Probed { egress, evidence, swept } = probed(&rbac).await.unwrap();
        assert_eq!(rbac.snapshot(), before, "{egress:?}");
        assert_eq!(swept, [""; 0]);
        lines.push(format!("{egress:?}: {}", evidence.join(" | ")));
    }
    let expected = [
        "Reached: exit code 0: 10.12.4.50 (10.12.4.50:5000) open",
        "Refused: exit code 1: nc: 10.12.4.50 (10.12.4.50:5000): Connection refused",
        "NoAnswer: exit code 1: nc: 10.12.4.50 (10.12.4.50:5000): Connection timed out",
        "NotResolved: exit code 1: nc: bad address 'keystone'",
        "NotStarted: exit code 127: sh: nc: not found",
        "Failed: exit code 3 (Error)",
        "NoAnswer: phase Running: it did not end in its time",
        "NeverScheduled: no scheduler has looked at it",
        "NeverScheduled: Unschedulable: 0/1 nodes are available: 1 node(s) were unschedulable.",
        "NoImage: waiting: ImagePullBackOff: Back-off pulling image \"x\"",
        "NotStarted: waiting: CreateContainerConfigError: container has runAsNonRoot and image will \
         run as root",
        "NotAdmitted: pods \"omega-egress-abc\" is forbidden: violates PodSecurity \
         \"restricted:latest\": allowPrivilegeEscalation != false (container \"probe\" must set \
         securityContext.allowPrivilegeEscalation=false)",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_probe_left_is_removed_and_nothing_else() {
    let rbac = cluster(Fate::Ends(0, ""));
    let before = rbac.snapshot();
    rbac.put(PODS, old("omega-egress-left", "default", "egress", "2026-11-21T11:57:00Z"));
    let done = probed(&rbac).await.unwrap();
    assert_eq!((done.egress, done.swept), (Egress::Reached, vec!["omega-egress-left".to_owned()]));
    assert_eq!(rbac.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn stopped_at_any_step_it_leaves_nothing() {
    for stop_at in 0..4 {
        let rbac = cluster(Fate::Runs);
        let before = rbac.snapshot();
        let management = Management::over(rbac.clone(), "sim");
        let mut steps = 0;
        let mut watch = |_: &ProbeStep| {
            steps += 1;
            if steps > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error = probe_pod_egress(&management, &probe(), &mut watch).await.unwrap_err();
        assert!(matches!(error, ProbeError::Stopped), "{error:?}");
        assert_eq!(rbac.snapshot(), before, "stopped at {stop_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spoiled_write_leaves_nothing_and_is_said() {
    for spoiled in [Spoiled::Lost, Spoiled::AnswerLost, Spoiled::Ignored] {
        for nth in 0..2 {
            let rbac = cluster(Fate::Ends(0, ""));
            let before = rbac.snapshot();
            rbac.spoil_write(nth, spoiled);
            let done = probed(&rbac).await;
            assert_eq!(rbac.snapshot(), before, "write {nth} {spoiled:?}");
            assert_eq!(done.is_ok(), nth == 1, "without a pod there is no verdict: {done:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_stays_is_said_with_the_verdict() {
    let rbac = cluster(Fate::Stays);
    let error = probed(&rbac).await.unwrap_err();
    assert_eq!(error.to_string(), "pod omega-egress-abc in default is still there");
    assert_eq!(error.touched(), Touched::Maybe);
    assert!(error.found().unwrap().ends_with("the probe itself: reached"), "{:?}", error.found());
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_make_pods_the_right_is_named() {
    let rbac = cluster(Fate::Runs);
    let account = json!({"metadata": {"name": "a", "namespace": "default"}});
    rbac.put("/api/v1/serviceaccounts", account);
    let reader = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]});
    rbac.put("/apis/rbac.authorization.k8s.io/v1/clusterroles", reader);
    let binding = json!({
        "metadata": {"name": "r"}, "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}],
    });
    rbac.put("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding);
    let admin = Management::over(rbac.clone(), "sim");
    let path = "/api/v1/namespaces/default/serviceaccounts/a/token";
    let answer = admin.send(crate::Verb::Create, path, &json!({"spec": {}})).await.unwrap();
    let before = rbac.snapshot();
    let token = answer["status"]["token"].as_str().unwrap();
    let error = probed(&rbac.with_token(token)).await.unwrap_err();
    assert_eq!(error.expected().unwrap(), "the right to create pods in default");
    assert_eq!(error.touched(), Touched::Nothing);
    assert_eq!(rbac.snapshot(), before);
}

#[test]
fn the_pod_is_restricted_and_carries_nothing() {
    let pod = probe().pod();
    let at = |path: &str| pod.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/spec/automountServiceAccountToken"), false);
    assert_eq!(at("/spec/activeDeadlineSeconds"), 60);
    assert_eq!(at("/spec/restartPolicy"), "Never");
    assert_eq!(at("/spec/securityContext/runAsNonRoot"), true);
    assert_eq!(at("/spec/securityContext/seccompProfile/type"), "RuntimeDefault");
    let container = "/spec/containers/0";
    let inside = |path: &str| at(&format!("{container}{path}"));
    assert_eq!(inside("/securityContext/allowPrivilegeEscalation"), false);
    assert_eq!(inside("/securityContext/capabilities/drop"), json!(["ALL"]));
    assert_eq!(inside("/resources/requests"), json!({"cpu": "10m", "memory": "16Mi"}));
    assert_eq!(inside("/terminationMessagePolicy"), "FallbackToLogsOnError");
    let command = json!(["nc", "-z", "-v", "-w", "5", "10.12.4.50", "5000"]);
    assert_eq!(inside("/command"), command);
    assert_eq!(at("/spec/volumes"), Value::Null);
}
