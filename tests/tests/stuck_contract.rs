//! Letting an object go that is being deleted, on the simulator and on a real API server.
//!
//! `live` needs `OMEGA_LAB_KUBECONFIG` and `OMEGA_LAB_HELM`. Without them it fails; a plain
//! `cargo test` reports it as ignored, not as passed.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use omega_capi::{
    Management, Namespace,
    served::discover_versions,
    stuck::{ReleaseFinalizers, read_deletion, release_finalizers},
};
use omega_core::{Failure, FailureClass, Touched, ensure};

const HELD: [&str; 2] =
    ["openstackcluster.infrastructure.cluster.x-k8s.io", "janitor.capi.azimuth-cloud.com"];

/// In the namespace an `OpenStackCluster` `c1` is being deleted, held by two; another, `c10`, is
/// not being deleted.
async fn lets_one_object_go(management: &Management, namespace: &Namespace) {
    let served = discover_versions(management).await.unwrap();
    let held = async |name| read_deletion(management, &served, namespace, name).await.unwrap().held;
    let [one] = held("c1").await.try_into().expect("one object");
    assert_eq!((one.object.kind.as_str(), one.object.name.as_str()), ("OpenStackCluster", "c1"));
    assert!(one.deleted.is_some());
    assert_eq!(one.finalizers, HELD);
    let [other] = held("c10").await.try_into().expect("one object");
    assert_eq!(other.deleted, None);

    let desired = ReleaseFinalizers { object: other.object.clone(), awaited: false };
    let failure = Failure::from(ensure(management, &desired).await.unwrap_err());
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));

    assert!(release_finalizers(management, one.object.clone()).await.unwrap().changed());
    assert_eq!(held("c1").await, []);
    assert_eq!(held("c10").await, [other], "it is as it was");
    assert!(!release_finalizers(management, one.object).await.unwrap().changed());
}

mod simulated {
    use omega_capi::{Management, sim::FinalizingApiserver};
    use serde_json::json;

    #[tokio::test]
    async fn contract() {
        let server = FinalizingApiserver::default();
        for (name, deleted) in [("c1", Some("2026-11-21T10:00:00Z")), ("c10", None)] {
            let labels = json!({ "cluster.x-k8s.io/cluster-name": name });
            let metadata = json!({
                "name": name, "namespace": "omega-contract", "uid": name, "labels": labels,
                "deletionTimestamp": deleted, "finalizers": super::HELD,
            });
            let object = json!({
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
                "kind": "OpenStackCluster", "metadata": metadata,
            });
            server.put("/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters", object);
        }
        let management = Management::over(server, "simulator");
        super::lets_one_object_go(&management, &"omega-contract".parse().unwrap()).await;
    }
}

mod live {
    use std::{env, fs};

    use omega_capi::{Management, Namespace};
    use omega_core::{kubeconfig::Kubeconfig, values::Secret};

    #[expect(clippy::disallowed_methods, reason = "the lab says by variable where it is")]
    fn set(name: &str) -> String {
        env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
    }

    #[expect(clippy::disallowed_methods, reason = "the lab's helm, run as a person would")]
    fn helm(arguments: &[&str]) {
        let mut helm = std::process::Command::new(set("OMEGA_LAB_HELM"));
        let helm = helm.env("KUBECONFIG", set("OMEGA_LAB_KUBECONFIG")).args(arguments);
        let output = helm.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
    }

    fn chart(directory: &std::path::Path, name: &str) -> String {
        let chart = directory.join(name);
        fs::create_dir_all(chart.join("templates")).unwrap();
        let about = format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
        fs::write(chart.join("Chart.yaml"), about).unwrap();
        let [one, two] = super::HELD;
        let object = format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: OpenStackCluster\n\
             metadata:\n  name: {name}\n  labels: {{cluster.x-k8s.io/cluster-name: {name}}}\n  \
             finalizers: [{one}, {two}]\nspec: {{}}\n"
        );
        fs::write(chart.join("templates/x.yaml"), object).unwrap();
        chart.to_str().unwrap().to_owned()
    }

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn contract() {
        let text = fs::read_to_string(set("OMEGA_LAB_KUBECONFIG")).unwrap();
        let kubeconfig = Kubeconfig::parse(Secret::from(text), jiff::Timestamp::now()).unwrap();
        let management = Management::connect(&kubeconfig).await.unwrap();
        let namespace: Namespace =
            format!("omega-contract-stuck-{}", std::process::id()).parse().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let space = ["--namespace", namespace.as_str()];
        for name in ["c1", "c10"] {
            let chart = chart(directory.path(), name);
            helm(&[&["install", name, &chart, "--create-namespace"], space.as_slice()].concat());
        }
        helm(&[&["uninstall", "c1"], space.as_slice()].concat());
        super::lets_one_object_go(&management, &namespace).await;
        helm(&[&["uninstall", "c10"], space.as_slice()].concat());
        let served = omega_capi::discover_versions(&management).await.unwrap();
        let left = omega_capi::stuck::read_deletion(&management, &served, &namespace, "c10").await;
        for held in left.unwrap().held {
            omega_capi::stuck::release_finalizers(&management, held.object).await.unwrap();
        }
    }
}
