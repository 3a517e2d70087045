//! Resources of a workload cluster are removed, and similar ones are kept.

use std::sync::Arc;

use omega_core::Context;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::send;
use crate::{
    ClusterName, Method, Request, Service, Transport,
    load_balancer::{LoadBalancers, remove_cluster_balancers},
    network::{Network, RemoveClusterNetwork, remove_cluster_network},
};

const NAMESPACE: &str = "omega-contract";

/// `external`: the id of a network for floating IPs.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn cluster_orphans(cloud: Arc<dyn Transport>, external: &str) {
    let (mark, decoy) = (ClusterName::new(NAMESPACE, "c1"), ClusterName::new(NAMESPACE, "c10"));
    let ours = build(&cloud, &mark, external).await;
    let theirs = build(&cloud, &decoy, external).await;
    let stranger = json!({ "network_id": ours.network, "name": "stranger" });
    let stranger = make(&cloud, "ports", "port", stranger).await;
    let ctx = Context::default();
    let octavia = LoadBalancers::new(Arc::clone(&cloud));
    let neutron = Network::new(Arc::clone(&cloud));

    let done = remove_cluster_balancers(&ctx, &octavia, mark.clone()).await.expect("removed");
    assert!(done.changed());
    let names = |all: &Value| names_of(all, "loadbalancers");
    let all = list(&cloud, Service::LoadBalancer, &["lbaas", "loadbalancers"]).await;
    assert!(!names(&all).contains(&mark.api_balancer()), "{all}");
    assert!(names(&all).contains(&decoy.api_balancer()), "{all}");
    assert!(
        !remove_cluster_balancers(&ctx, &octavia, mark.clone()).await.expect("again").changed()
    );

    // The foreign port keeps the network, and that is reported.
    let done = remove_cluster_network(&ctx, &neutron, mark.clone()).await.expect("removed");
    assert!(done.changed());
    let desired = RemoveClusterNetwork { cluster: mark.clone() };
    let left = desired.remaining(&neutron.inventory().await.expect("listed"));
    let of: Vec<_> = left.iter().map(|left| (left.noun.as_str(), left.id.as_str())).collect();
    let expected = [
        ("network", ours.network.as_str()),
        ("port", stranger.as_str()),
        ("subnet", ours.subnet.as_str()),
    ];
    assert_eq!(of, expected, "{left:?}");
    assert!(!remove_cluster_network(&ctx, &neutron, mark.clone()).await.expect("again").changed());

    remove(&cloud, "ports", &stranger).await;
    assert!(
        remove_cluster_network(&ctx, &neutron, mark.clone()).await.expect("the rest").changed()
    );
    assert!(!remove_cluster_network(&ctx, &neutron, mark.clone()).await.expect("again").changed());
    for (plural, id) in ours.all() {
        let answer = part(&cloud, plural, &id).await;
        assert!(!answer, "{plural} {id} is still there");
    }
    for (plural, id) in theirs.all() {
        assert!(part(&cloud, plural, &id).await, "{plural} {id} is another cluster's");
    }
    remove_cluster_balancers(&ctx, &octavia, decoy.clone()).await.expect("the decoy");
    remove_cluster_network(&ctx, &neutron, decoy).await.expect("the decoy");
    for (plural, id) in theirs.all() {
        assert!(!part(&cloud, plural, &id).await, "{plural} {id} is still there");
    }
}

/// The resources of one cluster.
struct Built {
    network: String,
    subnet: String,
    router: String,
    port: String,
    group: String,
    addresses: [String; 2],
}

impl Built {
    fn all(&self) -> Vec<(&'static str, String)> {
        let Self { network, subnet, router, port, group, addresses: [one, two] } = self;
        let all = [
            ("networks", network),
            ("subnets", subnet),
            ("routers", router),
            ("ports", port),
            ("security-groups", group),
            ("floatingips", one),
            ("floatingips", two),
        ];
        all.map(|(plural, id)| (plural, id.clone())).to_vec()
    }
}

/// Creates what the provider creates, in the same order.
async fn build(cloud: &Arc<dyn Transport>, mark: &ClusterName, external: &str) -> Built {
    let (name, about) = (mark.network(), mark.description());
    let network = make(cloud, "networks", "network", json!({ "name": name })).await;
    let subnet = json!({
        "name": name, "network_id": network, "ip_version": 4, "cidr": "192.168.3.0/24",
        "description": about,
    });
    let subnet = make(cloud, "subnets", "subnet", subnet).await;
    let router = json!({
        "name": name, "description": about, "external_gateway_info": { "network_id": external },
    });
    let router = make(cloud, "routers", "router", router).await;
    let path = ["routers", &router, "add_router_interface"];
    let request = Request::new(Service::Network, Method::Put, &path);
    let answer = send(cloud, request.body(json!({ "subnet_id": subnet }))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let group = format!("k8s-cluster-{}-{}-secgroup-worker", mark.namespace, mark.name);
    let group = make(cloud, "security-groups", "security_group", json!({ "name": group })).await;
    let port = json!({
        "network_id": network, "name": format!("{}-md-0-0", mark.name), "description": about,
        "security_groups": [group],
    });
    let port = make(cloud, "ports", "port", port).await;
    let address = json!({ "floating_network_id": external, "description": about });
    let waiting = make(cloud, "floatingips", "floatingip", address.clone()).await;
    balancer(cloud, mark, &subnet).await;
    let mut tied = address;
    tied["port_id"] = json!(port);
    let tied = make(cloud, "floatingips", "floatingip", tied).await;
    Built { network, subnet, router, port, group, addresses: [waiting, tied] }
}

/// Creates the API's load balancer, and waits until it is ACTIVE.
#[expect(clippy::panic, reason = "a contract is a test")]
async fn balancer(cloud: &Arc<dyn Transport>, mark: &ClusterName, subnet: &str) {
    let asked = json!({
        "name": mark.api_balancer(), "vip_subnet_id": subnet, "description": mark.description(),
    });
    let path = ["lbaas", "loadbalancers"];
    let request = Request::new(Service::LoadBalancer, Method::Post, &path);
    let answer = send(cloud, request.body(json!({ "loadbalancer": asked }))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.body["loadbalancer"]["id"].clone();
    let early = ["lbaas", "loadbalancers", id.as_str().unwrap_or_default()];
    let early = Request::new(Service::LoadBalancer, Method::Delete, &early);
    let refused = send(cloud, early.query("cascade", "true")).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    for _ in 0..240 {
        let all = list(cloud, Service::LoadBalancer, &path).await;
        let one = all["loadbalancers"].as_array().into_iter().flatten();
        let mut one = one.filter(|one| one["id"] == id);
        if one.next().is_some_and(|one| one["provisioning_status"] == "ACTIVE") {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
    panic!("{} is not ACTIVE", mark.api_balancer());
}

async fn make(cloud: &Arc<dyn Transport>, plural: &str, key: &str, asked: Value) -> String {
    let request =
        Request::new(Service::Network, Method::Post, &[plural]).body(json!({ key: asked }));
    let answer = send(cloud, request).await;
    assert_eq!(answer.status, 201, "{plural}: {}", answer.body);
    answer.body[key]["id"].as_str().unwrap_or_default().to_owned()
}

async fn remove(cloud: &Arc<dyn Transport>, plural: &str, id: &str) {
    let answer = send(cloud, Request::new(Service::Network, Method::Delete, &[plural, id])).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

async fn list(cloud: &Arc<dyn Transport>, service: Service, path: &[&str]) -> Value {
    let answer = send(cloud, Request::new(service, Method::Get, path)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Returns whether the collection has it.
async fn part(cloud: &Arc<dyn Transport>, plural: &str, id: &str) -> bool {
    let all = list(cloud, Service::Network, &[plural]).await;
    let mut all = all[plural.replace('-', "_")].as_array().into_iter().flatten();
    all.any(|one| one["id"] == id)
}

fn names_of(all: &Value, key: &str) -> Vec<String> {
    let all = all[key].as_array().into_iter().flatten();
    all.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
}
