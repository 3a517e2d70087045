//! `read_installed` on recorded answers, and their constellation.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use omega_capi::{
    Error, Management, Namespaces,
    constellation::{Component, Constellation, VersionMatch, check_constellation},
    controllers::{read_controller_pods, read_installed, read_nodes},
    releases::read_releases,
    sim::{Apiserver, Fault},
};
use serde_json::json;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

async fn versions(apiserver: &Apiserver) -> Vec<(Component, String)> {
    let all = read_installed(&over(apiserver)).await.unwrap();
    all.into_iter().map(|one| (one.component, one.version.unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_controller_is_found_and_no_namesake() {
    let apiserver = Apiserver::default();
    let expected = [
        (Component::ClusterApi, "v1.13.2"),
        (Component::KubeadmBootstrap, "v1.13.2"),
        (Component::KubeadmControlPlane, "v1.13.2"),
        (Component::OpenstackProvider, "v0.14.4"),
        (Component::AddonProvider, "0.12.0"),
        (Component::ResourceController, "v2.5.0"),
        (Component::CertManager, "v1.20.2"),
        (Component::Janitor, "0.11.0"),
    ];
    let expected: Vec<_> = expected.map(|(c, version)| (c, version.to_owned())).into();
    assert_eq!(versions(&apiserver).await, expected, "neither the webhook nor coredns");
    assert_eq!(apiserver.requested(), [DEPLOYMENTS]);
}

#[tokio::test]
async fn a_mirror_and_a_digest_are_understood() {
    let apiserver = Apiserver::default();
    let deployment = |namespace: &str, image: &str| {
        json!({
            "metadata": {"name": "capo-controller-manager", "namespace": namespace},
            "spec": {"template": {"spec": {"containers": [
                {"name": "rbac-proxy", "image": "mirror:5000/kube-rbac-proxy:v0.14.4"},
                {"name": "manager", "image": image},
            ]}}},
        })
    };
    let mirror = "mirror:5000/x/capi-openstack-controller:v0.13.0@sha256:9f2c41";
    apiserver.put(DEPLOYMENTS, deployment("capo-system", mirror));
    apiserver.put(DEPLOYMENTS, deployment("second", "capi-openstack-controller@sha256:9f2c41"));
    apiserver.put(DEPLOYMENTS, deployment("third", "x/my-capi-openstack-controller:v9"));
    let all = versions(&apiserver).await;
    let capo: Vec<_> = all.iter().filter(|(c, _)| *c == Component::OpenstackProvider).collect();
    let versions: Vec<_> = capo.iter().map(|(_, version)| version.as_str()).collect();
    assert_eq!(versions, ["v0.13.0", ""]);
}

#[tokio::test]
async fn the_recorded_cluster_is_that_of_its_chart() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    let installed = read_installed(&management).await.unwrap();
    let releases = read_releases(&management, &Namespaces::All).await.unwrap().releases;
    let matches_of = |chart: &str| {
        let tested = Constellation::of(&chart.parse().unwrap()).unwrap();
        let all = check_constellation(&tested, &installed, &releases);
        let not =
            |c: &&omega_capi::constellation::Comparison| c.version_match != VersionMatch::Same;
        all.iter()
            .filter(not)
            .map(|c| format!("{:?} {:?}", c.version_match, c.found))
            .collect::<Vec<_>>()
    };
    assert_eq!(matches_of("0.25.1"), [r#"Older Some("0.10.1")"#], "an old cluster's release");
    assert_eq!(matches_of("0.24.0").len(), 7 + 3, "{:?}", matches_of("0.24.0"));
    apiserver.remove_object(DEPLOYMENTS, "capo-controller-manager");
    let left = read_installed(&management).await.unwrap();
    assert!(!left.iter().any(|one| one.component == Component::OpenstackProvider));
}

#[tokio::test]
async fn the_right_to_list_deployments_is_named() {
    let apiserver = Apiserver::default();
    apiserver.fail(Fault::Nobody);
    let error = read_installed(&over(&apiserver)).await.unwrap_err();
    let Error::Forbidden { verb, resource, .. } = error else { panic!("{error:?}") };
    assert_eq!((verb.as_str(), resource.as_str()), ("list", "deployments.apps"));
}

#[tokio::test]
async fn a_pod_has_the_digest_of_its_image_and_a_node_its_version() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    assert!(management.version().await.unwrap().starts_with("v1."));
    apiserver.add_list("/api/v1/pods", "Pod");
    apiserver.add_list("/api/v1/nodes", "Node");
    let pod = |name: &str, image_id: &str| {
        let image = "mirror:5000/x/capi-openstack-controller:v0.14.4";
        let status = json!({
            "name": "manager", "image": image, "imageID": image_id, "ready": true, "restartCount": 0,
        });
        json!({
            "metadata": {"name": name, "namespace": "capo-system"},
            "spec": {"containers": [{"name": "manager", "image": image}]},
            "status": {"containerStatuses": [status]},
        })
    };
    apiserver.put("/api/v1/pods", pod("capo-1", "mirror:5000/x/c@sha256:9f2c41"));
    apiserver.put("/api/v1/pods", pod("capo-2", "sha256:9f2c42"));
    apiserver.put("/api/v1/pods", pod("capo-3", ""));
    let pods = read_controller_pods(&management).await.unwrap();
    let digests: Vec<_> = pods.iter().map(|pod| pod.digest.as_deref()).collect();
    assert_eq!(digests, [Some("sha256:9f2c41"), Some("sha256:9f2c42"), None]);
    apiserver.put("/api/v1/nodes", json!({"metadata": {"name": "silent"}}));
    assert_eq!(read_nodes(&management).await.unwrap()[0].kubelet, None);
}
