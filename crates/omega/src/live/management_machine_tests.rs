#![allow(
    clippy::match_wildcard_for_single_variants,
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    reason = "an assertion"
)]

use omega_capi::sim::{Apiserver, Fault};
use omega_core::{FailureClass, Finding};
use omega_openstack::{Method, Request, Service, sim::Cloud};
use serde_json::{Value, json};

use super::*;

const CAPI: &str = "/apis/cluster.x-k8s.io/v1beta2";

struct Scene {
    cloud: Cloud,
    server: Apiserver,
    /// The floating IP of the server.
    floating: String,
}

async fn made(cloud: &Cloud, plural: &str, one: &str, body: Value) -> Value {
    let request = Request::new(Service::Network, Method::Post, &[plural]);
    let answer = cloud.admin("mgmt").send(request.body(json!({ one: body }))).await.unwrap();
    answer.body[one].clone()
}

async fn nic(cloud: &Cloud, subnet: &str, address: &str) -> Value {
    cloud.add_network("mgmt", subnet, "10.20.0.0/16", false);
    let request = Request::new(Service::Network, Method::Get, &["subnets"]).query("name", subnet);
    let found = cloud.admin("mgmt").send(request).await.unwrap();
    let fixed = json!([{ "subnet_id": found.body["subnets"][0]["id"], "ip_address": address }]);
    let device = cloud.server_id("capi-mgmt-v2");
    made(cloud, "ports", "port", json!({ "device_id": device, "fixed_ips": fixed })).await
}

impl Scene {
    /// All is well: one NIC, a floating IP, one workload cluster with a health check.
    async fn new() -> Self {
        let cloud = Cloud::new();
        cloud.add_server("mgmt", "capi-mgmt-v2", "ACTIVE");
        cloud.add_server("mgmt", "capi-mgmt-v20", "SHUTOFF");
        let port = nic(&cloud, "capi", "10.20.0.50").await;
        let floating =
            made(&cloud, "floatingips", "floatingip", json!({ "port_id": port["id"] })).await;
        let floating = floating["floating_ip_address"].as_str().unwrap().to_owned();
        let server = Apiserver::with_clusters();
        let scene = Self { cloud, server, floating };
        scene.put(
            "clusters",
            "c1",
            json!({"controlPlaneEndpoint": {"host": "10.12.7.90", "port": 6443}}),
        );
        scene.put(
            "machines",
            "c1-md-0",
            json!({"clusterName": "c1", "providerID": "openstack:///0a"}),
        );
        scene.put("machinehealthchecks", "c1-md-0", json!({"clusterName": "c1"}));
        scene
    }

    fn put(&self, plural: &str, name: &str, spec: Value) {
        let metadata = json!({"namespace": "magnum-a", "name": name});
        self.server.put(&format!("{CAPI}/{plural}"), json!({"metadata": metadata, "spec": spec}));
    }

    fn gate(&self) -> ManagementMachine {
        let management = Arc::new(Management::over(self.server.clone(), "sim"));
        ManagementMachine {
            transport: self.cloud.member("mgmt"),
            server: "capi-mgmt-v2".to_owned(),
            subnet: "10.20.0.0/24".parse().ok(),
            management: Ok((management, (self.floating.clone(), 6443))),
        }
    }

    async fn fails(&self) -> Finding {
        match self.gate().check().await.unwrap() {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn says(found: &Finding, severity: Severity, words: &str) {
        assert_eq!(found.severity, severity, "{found:?}");
        assert!(found.summary.contains(words), "{found:?}");
    }
}

#[tokio::test]
async fn one_server_with_one_nic_that_manages_others_passes() {
    let scene = Scene::new().await;
    let Verdict::Pass { evidence } = scene.gate().check().await.unwrap() else {
        panic!("it failed")
    };
    let line = Evidence::line(&evidence);
    for shown in [
        "status ACTIVE",
        "NICs: 1",
        "address 10.20.0.50 on capi, 10.20.0.0/16",
        "clusters magnum-a/c1",
        "MachineHealthChecks: 1",
        "not highly available",
        "API answers v1.34.4",
    ] {
        assert!(line.contains(shown), "{shown}: {line}");
    }
    assert_eq!(scene.server.writes(), [] as [String; 0]);
}

#[tokio::test]
async fn a_second_nic_another_subnet_and_no_floating_ip_are_broken() {
    let scene = Scene::new().await;
    nic(&scene.cloud, "metal", "10.20.0.51").await;
    let found = scene.fails().await;
    Scene::says(&found, Severity::Broken, "it has 2 NICs, not one");
    assert_eq!(found.decision.as_deref(), Some("D-035"));
    let scene = Scene::new().await;
    // The range of the subnet contains both: the /24 that was decided does not.
    let near = ManagementMachine { subnet: "10.20.1.0/24".parse().ok(), ..scene.gate() };
    let Verdict::Fail(found) = near.check().await.unwrap() else { panic!("it passed") };
    Scene::says(
        &found,
        Severity::Broken,
        "10.20.0.50 is not on the management subnet, 10.20.1.0/24",
    );
    let cloud = Cloud::new();
    cloud.add_server("mgmt", "capi-mgmt-v2", "ACTIVE");
    nic(&cloud, "capi", "10.20.0.50").await;
    let found = Scene { cloud, ..Scene::new().await }.fails().await;
    Scene::says(&found, Severity::Broken, "no floating IP");
}

#[tokio::test]
async fn a_server_that_is_off_absent_or_twice_is_told() {
    let scene = Scene::new().await;
    scene.cloud.set_server("capi-mgmt-v2", &json!({"status": "SHUTOFF"}));
    Scene::says(&scene.fails().await, Severity::Broken, "the server is SHUTOFF");
    scene.cloud.add_server("mgmt", "capi-mgmt-v2", "ACTIVE");
    Scene::says(&scene.fails().await, Severity::Unknown, "2 servers have the name");
    scene.cloud.remove_server("capi-mgmt-v2");
    Scene::says(&scene.fails().await, Severity::Broken, "Nova has no server capi-mgmt-v2");
}

/// Another cluster on another port of the address is not this one.
#[tokio::test]
async fn a_cluster_of_itself_is_found_by_its_api_and_by_its_machine() {
    let scene = Scene::new().await;
    let near = json!({"controlPlaneEndpoint": {"host": scene.floating, "port": 443}});
    scene.put("clusters", "c1", near);
    assert!(matches!(scene.gate().check().await.unwrap(), Verdict::Pass { .. }));
    for host in [scene.floating.as_str(), "10.20.0.50"] {
        let own = json!({"controlPlaneEndpoint": {"host": host, "port": 6443}});
        scene.put("clusters", "c1", own);
        Scene::says(
            &scene.fails().await,
            Severity::Broken,
            "the API of Cluster magnum-a/c1 is its own",
        );
    }
    let scene = Scene::new().await;
    let id = format!("openstack://RegionOne/{}", scene.cloud.server_id("capi-mgmt-v2"));
    scene.put("machines", "self-0", json!({"clusterName": "self", "providerID": id}));
    Scene::says(
        &scene.fails().await,
        Severity::Broken,
        "Machine magnum-a/self-0 of Cluster self is this server",
    );
}

#[tokio::test]
async fn a_cluster_without_a_health_check_is_named() {
    let scene = Scene::new().await;
    scene.put("clusters", "c2", json!({}));
    scene.put("machinehealthchecks", "c20", json!({"clusterName": "c20"}));
    Scene::says(
        &scene.fails().await,
        Severity::Broken,
        "no MachineHealthCheck watches magnum-a/c2",
    );
}

#[tokio::test]
async fn the_kubeconfig_leads_to_the_server() {
    let scene = Scene::new().await;
    let mut gate = scene.gate();
    let (management, _) = gate.management.unwrap();
    gate.management = Ok((management, ("10.12.7.41".to_owned(), 6443)));
    let Verdict::Fail(found) = gate.check().await.unwrap() else { panic!("it passed") };
    Scene::says(&found, Severity::Broken, "the kubeconfig leads to 10.12.7.41");
}

#[tokio::test]
async fn what_can_not_be_asked_is_unknown() {
    let scene = Scene::new().await;
    scene.server.fail(Fault::Nobody);
    assert_eq!(scene.fails().await.severity, Severity::Unknown);
    scene.server.fail(Fault::Unavailable("/version".to_owned()));
    Scene::says(&scene.fails().await, Severity::Unknown, "its API does not answer");
    let failure = Failure::new(FailureClass::Usage, "the site file has no kubeconfig");
    let unnamed = ManagementMachine { management: Err(failure), ..scene.gate() };
    let Verdict::Fail(found) = unnamed.check().await.unwrap() else { panic!("it passed") };
    Scene::says(&found, Severity::Unknown, "the site file has no kubeconfig");
    scene.cloud.take_down(Service::Compute);
    scene.gate().check().await.unwrap_err();
}
