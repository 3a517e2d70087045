//! Every read of the management cluster with bad input: no rights, slow, incomplete, odd.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use omega_capi::{
    Error, Management, Namespaces,
    controllers::{
        read_controller_pods, read_controllers, read_installed, read_nodes, read_webhooks,
    },
    health::read_addons,
    releases::read_releases,
    served::{discover_versions, read_served_apis},
    sim::{Apiserver, Fault},
    workload::{ClusterName, Workload, WorkloadError, list_clusters, wanted_nodes},
};
use omega_core::{Diagnostic as _, Touched};
use serde_json::{Value, json};

const NAMESPACE: &str = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn cluster() -> ClusterName {
    ClusterName { namespace: NAMESPACE.parse().unwrap(), name: "c1-b3mdwq5cz7lx".parse().unwrap() }
}

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

type Reading = BoxFuture<'static, Result<(), Error>>;
/// A read, and the first right that it needs.
type Read = (&'static str, &'static str, fn(Management) -> Reading);

const READS: [Read; 7] = [
    ("read_served_apis", "list customresourcedefinitions.apiextensions.k8s.io", |m| {
        async move { read_served_apis(&m).await.map(drop) }.boxed()
    }),
    ("read_installed", "list deployments.apps", |m| {
        async move { read_installed(&m).await.map(drop) }.boxed()
    }),
    ("read_controllers", "list deployments.apps", |m| {
        async move { read_controllers(&m).await.map(drop) }.boxed()
    }),
    ("read_releases", "list secrets", |m| {
        async move { read_releases(&m, &Namespaces::All).await.map(drop) }.boxed()
    }),
    ("list_clusters", "list clusters.cluster.x-k8s.io", |m| {
        async move {
            let served = discover_versions(&m).await?;
            list_clusters(&m, &served).await.map(drop)
        }
        .boxed()
    }),
    (
        "wanted_nodes",
        "list kubeadmcontrolplanes.controlplane.cluster.x-k8s.io in magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1",
        |m| {
            async move {
                let served = discover_versions(&m).await?;
                wanted_nodes(&m, &served, &cluster()).await.map(drop)
            }
            .boxed()
        },
    ),
    ("the workload's kubeconfig", "get secrets in magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1", |m| {
        async move {
            match Workload::connect(&m, &cluster(), jiff::Timestamp::UNIX_EPOCH).await {
                Err(WorkloadError::Management { source, .. }) => Err(source),
                other => panic!("{other:?}"),
            }
        }
        .boxed()
    }),
];

fn with_cluster() -> Apiserver {
    let apiserver = Apiserver::default();
    apiserver.add_cluster();
    apiserver
}

#[tokio::test]
async fn a_missing_right_is_named_with_its_verb_and_resource() {
    let apiserver = with_cluster();
    apiserver.fail(Fault::Nobody);
    for (name, right, read) in READS {
        let error = read(over(&apiserver)).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{name}: {error:?}");
        assert_eq!(error.expected(), Some(format!("the right to {right}")), "{name}");
        assert!(error.next().unwrap().contains(right), "{name}");
        assert_eq!(error.touched(), Touched::Nothing, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_ends_at_the_deadline() {
    let apiserver = with_cluster();
    apiserver.fail(Fault::Slow(Duration::from_hours(1)));
    for (name, _, read) in READS {
        let began = tokio::time::Instant::now();
        let error = read(over(&apiserver)).await.unwrap_err();
        assert!(error.timed_out(), "{name}: {error:?}");
        assert_eq!(began.elapsed(), Duration::from_secs(15), "{name}");
    }
}

#[tokio::test]
async fn half_an_answer_is_none_wherever_it_ends() {
    let apiserver = with_cluster();
    for length in [0, 1, 20, 100] {
        apiserver.fail(Fault::Short(length));
        for (name, _, read) in READS {
            if name == "the workload's kubeconfig" {
                continue; // the whole answer is a short 404
            }
            let error = read(over(&apiserver)).await.unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{name} {length}: {error:?}");
        }
    }
}

/// An incomplete list is not a shorter list.
#[tokio::test]
async fn a_next_page_that_is_gone_is_an_error() {
    let apiserver = with_cluster();
    for number in 0..300 {
        let name = format!("filler-{number}");
        let template = json!({"spec": {"containers": [{"name": "x", "image": "x"}]}});
        let object = json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"template": template}});
        apiserver.put("/apis/apps/v1/deployments", object);
        apiserver.define(&name, "example.org", &["v1"]);
    }
    apiserver.fail(Fault::Expired);
    for (name, _, read) in READS.iter().take(2) {
        let error = read(over(&apiserver)).await.unwrap_err();
        assert!(matches!(error, Error::Status { code: 410, .. }), "{name}: {error:?}");
    }
    apiserver.clear_fault();
    assert!(read_served_apis(&over(&apiserver)).await.is_ok());
}

#[tokio::test]
async fn what_is_no_list_is_not_an_empty_one() {
    for (body, why) in [
        ("{}", "it is another kind of document"),
        (r#"{"kind": "Status", "status": "Success"}"#, "it is another kind of document"),
        (r#"{"items": {}}"#, "it is another kind of document"),
        ("[]", "it is another kind of document"),
        ("<html>", "it is not JSON"),
        ("", "it ends after 0 bytes"),
    ] {
        let service = tower::service_fn(move |_: http::Request<kube::client::Body>| async move {
            let body = kube::client::Body::from(body.as_bytes().to_vec());
            Ok::<_, std::convert::Infallible>(http::Response::new(body))
        });
        let error = read_installed(&Management::over(service, "test")).await.unwrap_err();
        let Error::Malformed { why: message, .. } = error else { panic!("{body}: {error:?}") };
        assert!(message.starts_with(why), "{body}: {message}");
    }
}

/// A definition needs no labels, and an object no status.
#[tokio::test]
async fn what_is_left_out_is_not_there() {
    let apiserver = with_cluster();
    for plural in ["clusters", "machines"] {
        let name = format!("{plural}.cluster.x-k8s.io");
        for contract in ["v1beta1", "v1beta2"] {
            apiserver.label(&name, &format!("cluster.x-k8s.io/{contract}"), None);
        }
    }
    let surface = read_served_apis(&over(&apiserver)).await.unwrap();
    let contracts = &surface.definition("cluster.x-k8s.io", "clusters").unwrap().contracts;
    assert!(contracts.is_empty(), "{contracts:?}");
    apiserver.put(
        "/apis/cluster.x-k8s.io/v1beta2/machinedeployments",
        json!({"metadata": {"name": "bare", "namespace": NAMESPACE,
                            "labels": {"cluster.x-k8s.io/cluster-name": "c1-b3mdwq5cz7lx"}}}),
    );
    let served = surface.served;
    let wanted = wanted_nodes(&over(&apiserver), &served, &cluster()).await.unwrap();
    // Cluster API's default is 1.
    assert_eq!((wanted.control_plane.count, wanted.workers.count), (1, 3));
    let addons = read_addons(&over(&apiserver), &cluster().namespace, "c1").await.unwrap();
    assert_eq!(addons, []);
    assert!(apiserver.requested().contains(&CRDS.to_owned()));
}

/// One object with `status: null` and the like is read as one without; one that can't be understood is named.
/// The others of its list are read in either case.
#[tokio::test]
async fn one_odd_object_is_skipped_and_its_list_is_read() {
    let label = json!({"cluster.x-k8s.io/cluster-name": "c1-b3mdwq5cz7lx",
                       "addons.stackhpc.com/cluster": "c1"});
    let (group, addons) = ("/apis/cluster.x-k8s.io/v1beta2", "/apis/addons.stackhpc.com/v1alpha1");
    let lists = [
        "/apis/apps/v1/deployments".to_owned(),
        "/apis/coordination.k8s.io/v1/leases".to_owned(),
        "/api/v1/nodes".to_owned(),
        "/api/v1/pods".to_owned(),
        CRDS.to_owned(),
        format!("{group}/clusters"),
        format!("{group}/machinedeployments"),
        "/apis/controlplane.cluster.x-k8s.io/v1beta2/kubeadmcontrolplanes".to_owned(),
        format!("{addons}/helmreleases"),
        format!("{addons}/manifests"),
    ];
    let null = json!({"metadata": {"name": "null", "namespace": NAMESPACE, "labels": label},
                      "spec": null, "status": null});
    let half = json!({
        "metadata": {"name": "half", "namespace": NAMESPACE, "labels": label, "annotations": null,
                     "managedFields": null},
        "spec": {"template": null, "versions": null, "taints": null, "containers": null},
        "status": {"conditions": null, "phase": null, "containerStatuses": null, "storedVersions": null},
    });
    let odd = json!({"metadata": {"name": "odd", "namespace": NAMESPACE, "labels": label},
                     "spec": "hunter2", "status": "hunter2"});
    let apiserver = with_cluster();
    let before = read_all(&over(&apiserver)).await;
    for list in &lists {
        for object in [&null, &half, &odd] {
            let mut object = object.clone();
            if list == CRDS || list == "/api/v1/nodes" {
                object["metadata"]["namespace"].take();
            }
            apiserver.put(list, object);
        }
    }
    let management = over(&apiserver);
    let after = read_all(&management).await;
    for ((what, before), (_, after)) in before.into_iter().zip(after) {
        assert!(after >= before, "{what}: {after:?} of {before:?} were read");
    }
    let odd = management.odd_objects();
    let deployments = odd.iter().find(|one| one.list == "/apis/apps/v1/deployments").unwrap();
    assert_eq!(deployments.name, format!("{NAMESPACE}/odd"));
    assert!(odd.iter().all(|one| one.name.ends_with("/odd")), "{odd:?}");
    assert!(odd.iter().all(|one| !one.why.contains("hunter2")), "{odd:?}");
}

/// The same of definitions and of webhook configurations.
#[tokio::test]
async fn an_odd_definition_or_webhook_is_named() {
    let service = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
        let definition = |name: &str, status: Value| {
            json!({"metadata": {"name": name, "labels": null}, "status": status, "spec": {
                "group": "cluster.x-k8s.io", "names": {"kind": "K", "plural": name}, "conversion": null,
                "versions": [{"name": "v1beta1", "served": true, "storage": true, "deprecated": null}]}})
        };
        let webhook = |name: &str, client: Value| {
            json!({"metadata": {"name": name}, "webhooks": [{"clientConfig": client,
                "failurePolicy": null, "namespaceSelector": null, "matchConditions": null,
                "rules": [{"apiGroups": ["*"], "resources": ["*"], "operations": ["*"], "scope": null}]}]})
        };
        let url = json!({"url": "https://x:9443/", "service": null, "caBundle": null});
        let body = match request.uri().path() {
            "/apis" => json!({"kind": "APIGroupList", "groups": null}),
            CRDS => json!({"metadata": {}, "items": [definition("clusters", json!(null)),
                definition("machines", json!({"storedVersions": null})),
                {"metadata": {"name": "odd"}, "spec": null}]}),
            path if path.ends_with("validatingwebhookconfigurations") => json!({"items": [
                webhook("policy", url), {"metadata": {"name": "none"}, "webhooks": null},
                webhook("odd", json!("hunter2"))]}),
            _ => json!({"metadata": null, "items": null}),
        };
        let body = kube::client::Body::from(body.to_string().into_bytes());
        Ok::<_, std::convert::Infallible>(http::Response::new(body))
    });
    let management = Management::over(service, "test");
    let surface = read_served_apis(&management).await.unwrap();
    let read: Vec<&str> = surface.definitions.iter().map(|one| one.plural.as_str()).collect();
    assert_eq!(read, ["clusters", "machines"]);
    let webhooks = read_webhooks(&management, &[], "magnum").await.unwrap();
    assert_eq!(webhooks.len(), 1);
    assert!(webhooks.iter().all(|one| one.configurations.contains("policy")), "{webhooks:?}");
    let odd = management.odd_objects();
    let named: Vec<_> = odd.iter().map(|one| (one.name.as_str(), one.why.as_str())).collect();
    assert_eq!(named, [("odd", "expected struct WebhookClient"), ("odd", "missing field `spec`")]);
}

/// How many objects each reader read; none of a list that the simulator does not have.
async fn read_all(management: &Management) -> Vec<(&'static str, Option<usize>)> {
    let served = discover_versions(management).await.unwrap();
    let namespace = cluster().namespace;
    let wanted = wanted_nodes(management, &served, &cluster()).await.unwrap();
    let count = |all: Result<usize, Error>| all.ok();
    vec![
        ("definitions", count(read_served_apis(management).await.map(|all| all.definitions.len()))),
        ("deployments", count(read_installed(management).await.map(|all| all.len()))),
        ("leases", count(read_controllers(management).await.map(|all| all.leases.len()))),
        ("nodes", count(read_nodes(management).await.map(|all| all.len()))),
        ("pods", count(read_controller_pods(management).await.map(|all| all.len()))),
        ("clusters", count(list_clusters(management, &served).await.map(|all| all.len()))),
        ("control planes", Some(wanted.control_plane.count)),
        ("workers", Some(wanted.workers.count)),
        ("addons", count(read_addons(management, &namespace, "c1").await.map(|all| all.len()))),
    ]
}

/// An expired or not yet valid client certificate is not an unreachable API.
#[tokio::test]
async fn a_certificate_outside_its_time_is_told_before_anything_is_sent() {
    const ADMIN: &str = include_str!("../../omega-core/fixtures/kube/admin.yaml");
    let apiserver = with_cluster();
    let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, ADMIN);
    apiserver.put(
        "/api/v1/secrets",
        json!({"metadata": {"name": "c1-b3mdwq5cz7lx-kubeconfig", "namespace": NAMESPACE},
               "data": {"value": value}}),
    );
    for now in ["1990-01-01T00:00:00Z", "2190-01-01T00:00:00Z"] {
        let management = over(&apiserver);
        let error = Workload::connect(&management, &cluster(), now.parse().unwrap()).await;
        let error = error.unwrap_err();
        assert!(matches!(error, WorkloadError::Kubeconfig { .. }), "{now}: {error:?}");
        let message = omega_core::chain(&error).join(": ");
        assert!(message.contains("client certificate"), "{now}: {message}");
        assert!(!format!("{error:?}").contains("PRIVATE"), "{error:?}");
        assert_eq!(management.requests(), 1);
    }
}
