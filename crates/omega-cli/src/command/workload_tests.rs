use jiff::Timestamp;
use omega::capi::sim::{Apiserver, Fault};
use omega::core::{FailureClass, Gate as _, Verdict, preview, run::Status};
use serde_json::json;

use super::*;

const SECRETS: &str = "/api/v1/secrets";
const NAMESPACE: &str = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

fn holding(value: &str) -> Apiserver {
    let apiserver = Apiserver::default();
    apiserver.add_cluster();
    apiserver.put(
        SECRETS,
        json!({"metadata": {"name": "c1-b3mdwq5cz7lx-kubeconfig", "namespace": NAMESPACE},
               "data": {"value": value}}),
    );
    apiserver
}

fn now() -> Timestamp {
    "2026-11-21T16:10:00Z".parse().unwrap()
}

/// What each gate of `check workload --cluster c1` says.
async fn asked(apiserver: &Apiserver) -> Vec<Result<Verdict, Failure>> {
    let gates = workload_gates(&over(apiserver), "c1", now()).await.unwrap();
    let mut all = Vec::new();
    for gate in gates {
        all.push(gate.check().await);
    }
    all
}

async fn why(apiserver: &Apiserver) -> String {
    let all = asked(apiserver).await;
    assert!(all[1..].iter().all(|one| matches!(one, Ok(Verdict::Deferred { .. }))), "{all:?}");
    let Ok(Verdict::Fail(found)) = &all[0] else { panic!("{all:?}") };
    format!("{} -> {}", found.summary, found.remedy.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn a_cluster_without_a_usable_kubeconfig_says_so_once() {
    let apiserver = holding("AAAA");
    apiserver.remove_object(SECRETS, "c1-b3mdwq5cz7lx-kubeconfig");
    let said = why(&apiserver).await;
    assert!(
        said.starts_with(&format!("there is no secret {NAMESPACE}/c1-b3mdwq5cz7lx-kubeconfig"))
    );
    assert!(said.ends_with(&format!("kubectl -n {NAMESPACE} describe cluster c1-b3mdwq5cz7lx")));
    for (value, expected) in [
        ("", "its `value` is empty"),
        ("?", "its `value` is not base64"),
        // `hunter2: [`
        ("aHVudGVyMjogWw==", "the kubeconfig can't be used"),
    ] {
        let said = why(&holding(value)).await;
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn nobody_behind_the_address_is_the_workloads_matter() {
    // One cluster at https://127.77.9.9:1, one user with a token.
    let value = "Y3VycmVudC1jb250ZXh0OiBjCmNvbnRleHRzOiBbe25hbWU6IGMsIGNvbnRleHQ6IHtjbHVzdGVy\
                 OiBrLCB1c2VyOiB1fX1dCmNsdXN0ZXJzOiBbe25hbWU6IGssIGNsdXN0ZXI6IHtzZXJ2ZXI6ICJo\
                 dHRwczovLzEyNy43Ny45Ljk6MSJ9fV0KdXNlcnM6IFt7bmFtZTogdSwgdXNlcjoge3Rva2VuOiB4\
                 fX1dCg==";
    let apiserver = holding(value);
    let said = why(&apiserver).await;
    assert!(said.starts_with("https://127.77.9.9:1/ (context c) can't be reached: "), "{said}");
    // Discovery, the clusters, the secret, control planes and machine deployments.
    assert_eq!(apiserver.requested().len(), 5);
}

#[tokio::test]
async fn a_right_that_is_missing_on_the_management_cluster_is_named() {
    let apiserver = holding("AAAA");
    apiserver.fail(Fault::Nobody);
    let failure = workload_gates(&over(&apiserver), "c1", now()).await.unwrap_err();
    let right = Some("the right to list clusters.cluster.x-k8s.io".to_owned());
    assert_eq!((failure.class, failure.expected), (FailureClass::Error, right));
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/c1-b3mdwq5cz7lx-kubeconfig");
    apiserver.fail(Fault::NobodyAt(path));
    let all = asked(&apiserver).await;
    let right = format!("the right to get secrets in {NAMESPACE}");
    for one in all {
        assert_eq!(one.unwrap_err().expected.as_deref(), Some(right.as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_management_cluster_is_a_deadline() {
    let apiserver = holding("AAAA");
    apiserver.fail(Fault::Slow(std::time::Duration::from_mins(10)));
    let failure = workload_gates(&over(&apiserver), "c1", now()).await.unwrap_err();
    assert_eq!(Status::of(&failure, None).code(), 124);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_a_matter_of_the_command_line() {
    let failure = workload_gates(&over(&holding("AAAA")), "c2", now()).await.unwrap_err();
    assert_eq!(Status::of(&failure, None).code(), 64);
    assert_eq!(failure.found, Some(format!("{NAMESPACE}/c1-b3mdwq5cz7lx")));
}

#[tokio::test]
async fn what_an_unserved_version_hides_is_asked_of_the_other() {
    let apiserver = holding("?");
    for group in ["cluster.x-k8s.io", "controlplane.cluster.x-k8s.io"] {
        apiserver.serve(group, &["v1beta1"]);
    }
    assert!(why(&apiserver).await.contains("its `value` is not base64"));
    assert!(
        apiserver
            .requested()
            .iter()
            .any(|path| path.starts_with("/apis/cluster.x-k8s.io/v1beta1/"))
    );
}

#[tokio::test]
async fn it_is_asked_as_one_task_that_counts_its_requests() {
    let management = over(&holding("?"));
    let gates = workload_gates(&management, "c1", now()).await.unwrap();
    let job = job("omega.toml", "c1", &management, gates);
    assert_eq!(preview(&job.targets, now()).await[0].items().count(), 7);
    assert_eq!((job.counts)().requests, 5);
}

/// What was passed over is named, with the answers and where a cluster is not found.
#[tokio::test]
async fn what_is_not_understood_is_named() {
    let apiserver = holding("?");
    apiserver.put(
        "/apis/cluster.x-k8s.io/v1beta2/machinedeployments",
        json!({"metadata": {"name": "odd", "namespace": NAMESPACE,
                            "labels": {"cluster.x-k8s.io/cluster-name": "c1-b3mdwq5cz7lx"}},
               "spec": "hunter2"}),
    );
    let all = asked(&apiserver).await;
    let Ok(Verdict::Fail(found)) = &all[0] else { panic!("{all:?}") };
    let shown = omega::core::Evidence::line(&found.evidence);
    assert!(shown.contains(&format!("not understood: {NAMESPACE}/odd of /apis/")), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let odd = json!({"metadata": {"name": "c7", "namespace": "no namespace"}});
    apiserver.put("/apis/cluster.x-k8s.io/v1beta2/clusters", odd);
    let failure = workload_gates(&over(&apiserver), "c7", now()).await.unwrap_err();
    let causes = failure.causes.join("; ");
    assert!(
        causes.contains("no namespace/c7 of /apis/") && causes.contains("understood"),
        "{causes}"
    );
}
