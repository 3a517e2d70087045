//! `probe_pod_egress` on the simulator: the verdicts, and that nothing is left behind.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use omega_core::{
    CancelToken, Context, Event, EventSink, Failure, FailureClass, MemoryJournal, Touched,
    leftovers, testing,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    Management,
    sim::{Apiserver, PodOutcome},
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

/// A cluster at noon with decoys: a probe that runs, an old pod of another kind, an old probe
/// in another namespace, and one with our name there.
fn cluster(outcome: PodOutcome) -> Apiserver {
    let server = Apiserver::with_accounts("2026-11-21T12:00:00Z".parse().unwrap());
    server.set_pod_outcome(outcome);
    server.put(PODS, old("running", "default", "egress", "2026-11-21T11:58:30Z"));
    server.put(PODS, old("other", "default", "ingress", "2026-11-20T12:00:00Z"));
    server.put(PODS, old("omega-egress-abc", "kube-system", "egress", "2026-11-20T12:00:00Z"));
    server
}

fn old(name: &str, namespace: &str, label: &str, made: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": namespace, "labels": {"omega/probe": label}, "creationTimestamp": made},
        "spec": {"activeDeadlineSeconds": 60},
    })
}

async fn probed(server: &Apiserver) -> Result<ProbeResult, Failure> {
    let management = Management::over(server.clone(), "sim");
    probe_pod_egress(&Context::default(), &management, &probe()).await
}

#[tokio::test(start_paused = true)]
async fn every_outcome_has_its_verdict_and_leaves_nothing() {
    let mut lines = Vec::new();
    for outcome in [
        PodOutcome::Ends(0, "10.12.4.50 (10.12.4.50:5000) open"),
        PodOutcome::Ends(1, "nc: 10.12.4.50 (10.12.4.50:5000): Connection refused"),
        PodOutcome::Ends(1, "nc: 10.12.4.50 (10.12.4.50:5000): Connection timed out"),
        PodOutcome::Ends(1, "nc: bad address 'keystone'"),
        PodOutcome::Ends(127, "sh: nc: not found"),
        PodOutcome::Ends(3, ""),
        PodOutcome::Runs,
        PodOutcome::Ignored,
        PodOutcome::Unschedulable,
        PodOutcome::NoImage,
        PodOutcome::NotStarted,
        PodOutcome::NotAdmitted,
    ] {
        let server = cluster(outcome);
        let before = server.snapshot();
        let ProbeResult { egress, evidence, swept } = probed(&server).await.unwrap();
        assert_eq!(server.snapshot(), before, "{egress:?}");
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
        "NoAnswer: phase Running: it did not end in time",
        "NeverScheduled: no scheduler handled it",
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
    let server = cluster(PodOutcome::Ends(0, ""));
    let before = server.snapshot();
    server.put(PODS, old("omega-egress-left", "default", "egress", "2026-11-21T11:57:00Z"));
    let done = probed(&server).await.unwrap();
    assert_eq!(
        (done.egress, done.swept),
        (EgressVerdict::Reached, vec!["omega-egress-left".to_owned()])
    );
    assert_eq!(server.snapshot(), before);
}

/// Cancels at the nth event.
struct StopAt(CancelToken, Mutex<usize>);

impl EventSink for StopAt {
    fn event(&self, _: &Event) {
        let mut left = self.1.lock().unwrap();
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.0.cancel();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_at_any_event_it_leaves_nothing() {
    for stop_at in 1..6 {
        let server = cluster(PodOutcome::Runs);
        let before = server.snapshot();
        let management = Management::over(server.clone(), "sim");
        let (cancel, journal) = (CancelToken::default(), Arc::new(MemoryJournal::default()));
        let events = Arc::new(StopAt(cancel.clone(), Mutex::new(stop_at)));
        let ctx = Context::default().with_cancel(cancel).with_events(events);
        let ctx = ctx.with_journal(journal.clone());
        let failure = probe_pod_egress(&ctx, &management, &probe()).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Interrupted, "{failure:?}");
        assert_eq!(server.snapshot(), before, "stopped at {stop_at}");
        assert_eq!(leftovers(&journal.entries()), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_leaves_nothing_and_is_reported() {
    for fault in [testing::Fault::Lost, testing::Fault::AnswerLost, testing::Fault::Ignored] {
        for nth in 0..2 {
            let server = cluster(PodOutcome::Ends(0, ""));
            let before = server.snapshot();
            server.inject_fault(nth, fault);
            let done = probed(&server).await;
            assert_eq!(server.snapshot(), before, "write {nth} {fault:?}");
            assert_eq!(done.is_ok(), nth == 1, "without a pod there is no verdict: {done:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_stays_is_said_with_the_verdict() {
    let server = cluster(PodOutcome::Stays);
    let failure = probed(&server).await.unwrap_err();
    assert_eq!(failure.message, "pod omega-egress-abc in default is still there");
    assert_eq!(failure.touched, Touched::Maybe);
    assert!(failure.found.as_ref().unwrap().ends_with("the probe itself: reached"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_make_pods_the_right_is_named() {
    let server = cluster(PodOutcome::Runs);
    let account = json!({"metadata": {"name": "a", "namespace": "default"}});
    server.put("/api/v1/serviceaccounts", account);
    let reader = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]});
    server.put("/apis/rbac.authorization.k8s.io/v1/clusterroles", reader);
    let binding = json!({
        "metadata": {"name": "r"}, "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}],
    });
    server.put("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding);
    let admin = Management::over(server.clone(), "sim");
    let path = "/api/v1/namespaces/default/serviceaccounts/a/token";
    let answer = admin.send(crate::Verb::Create, path, &json!({"spec": {}})).await.unwrap();
    let before = server.snapshot();
    let token = answer["status"]["token"].as_str().unwrap();
    let error = probed(&server.with_token(token)).await.unwrap_err();
    assert_eq!(error.expected.unwrap(), "the right to create pods in default");
    assert_eq!(error.touched, Touched::Nothing);
    assert_eq!(server.snapshot(), before);
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
