//! Removing a cluster's load balancers and its network, on the simulator.

use std::sync::Arc;

use omega_core::{
    Context, Failure, FailureClass, Touched, ensure, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{LoadBalancers, RemoveClusterBalancers};
use crate::{
    ClusterName, Method, Request, Service, Transport, contract,
    network::{Network, RemoveClusterNetwork},
    sim::Cloud,
};

fn mark() -> ClusterName {
    ClusterName::new("ns", "c1")
}

async fn post(of: &Arc<dyn Transport>, service: Service, path: &[&str], body: Value) -> Value {
    let answer = of.send(Request::new(service, Method::Post, path).body(body)).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

async fn part(of: &Arc<dyn Transport>, plural: &str, key: &str, asked: Value) -> String {
    let made = post(of, Service::Network, &[plural], json!({ key: asked })).await;
    made[key]["id"].as_str().unwrap().to_owned()
}

/// What the provider makes for a cluster in a project; returns the network's and the subnet's id.
async fn build(of: &Arc<dyn Transport>, mark: &ClusterName) -> (String, String) {
    let (name, about) = (mark.network(), mark.description());
    let network = part(of, "networks", "network", json!({ "name": name })).await;
    let subnet = json!({ "name": name, "network_id": network, "description": about });
    let subnet = part(of, "subnets", "subnet", subnet).await;
    let router = part(of, "routers", "router", json!({ "name": name, "description": about })).await;
    let add =
        Request::new(Service::Network, Method::Put, &["routers", &router, "add_router_interface"]);
    assert_eq!(of.send(add.body(json!({ "subnet_id": subnet }))).await.unwrap().status, 200);
    let group = format!("k8s-cluster-{}-{}-secgroup-worker", mark.namespace, mark.name);
    let group = part(of, "security-groups", "security_group", json!({ "name": group })).await;
    let port = json!({ "network_id": network, "description": about, "security_groups": [group] });
    let port = part(of, "ports", "port", port).await;
    part(of, "floatingips", "floatingip", json!({ "description": about })).await;
    part(of, "floatingips", "floatingip", json!({ "description": about, "port_id": port })).await;
    for name in [mark.api_balancer(), format!("kube_service_{}_web_front", mark.name)] {
        let asked = json!({ "name": name, "vip_subnet_id": subnet });
        let path = ["lbaas", "loadbalancers"];
        post(of, Service::LoadBalancer, &path, json!({ "loadbalancer": asked })).await;
    }
    (network, subnet)
}

/// Things of others, near the cluster's.
#[derive(Clone, Copy, Debug)]
enum Decoy {
    LongerName,
    OtherNamespace,
    OtherProject,
    StrangersPort,
    StrangersSubnet,
    StrangersAddress,
    Tag,
}

impl Decoy {
    /// Returns whether it is somebody else's and keeps a part of the cluster's network.
    fn is_strangers(self) -> bool {
        matches!(self, Self::StrangersPort | Self::StrangersSubnet | Self::StrangersAddress)
    }
}

async fn decoy(cloud: &Cloud, decoy: Decoy, network: &str, subnet: &str) {
    let ours = cloud.member("mgmt");
    match decoy {
        Decoy::LongerName => drop(build(&ours, &ClusterName::new("ns", "c10")).await),
        Decoy::OtherNamespace => drop(build(&ours, &ClusterName::new("ns2", "c1")).await),
        Decoy::OtherProject => drop(build(&cloud.member("next door"), &mark()).await),
        Decoy::StrangersPort => {
            drop(part(&ours, "ports", "port", json!({ "network_id": network })).await);
        }
        Decoy::StrangersSubnet => {
            let asked = json!({ "network_id": network, "name": "by hand" });
            drop(part(&ours, "subnets", "subnet", asked).await);
        }
        Decoy::StrangersAddress => {
            let port = json!({ "network_id": network, "fixed_ips": [{ "subnet_id": subnet }] });
            let port = part(&ours, "ports", "port", port).await;
            let asked = json!({ "description": "reserved", "port_id": port });
            drop(part(&ours, "floatingips", "floatingip", asked).await);
        }
        Decoy::Tag => {
            let asked = json!({ "name": "web", "tags": [mark().network(), mark().description()] });
            drop(part(&ours, "networks", "network", asked).await);
        }
    }
}

fn any_decoys() -> impl Strategy<Value = Vec<Decoy>> {
    let decoy = prop::sample::select(vec![
        Decoy::LongerName,
        Decoy::OtherNamespace,
        Decoy::OtherProject,
        Decoy::StrangersPort,
        Decoy::StrangersSubnet,
        Decoy::StrangersAddress,
        Decoy::Tag,
    ]);
    prop::collection::vec(decoy, 0..3)
}

/// A cloud behind one client of it.
struct Sim<T> {
    cloud: Cloud,
    target: T,
    built: usize,
}

impl<T> Sim<T> {
    /// Returns another cloud that is as this one is now: cheaper than to build it again.
    fn fork(&self, client: impl Fn(&Cloud) -> T) -> Self {
        let cloud = self.cloud.fork();
        Self { target: client(&cloud), cloud, built: self.built }
    }
}

impl<T: Send + Sync> World for Sim<T> {
    type Target = T;
    type Snapshot = Vec<String>;

    fn target(&self) -> &T {
        &self.target
    }

    fn snapshot(&self) -> Vec<String> {
        self.cloud.network_parts()
    }

    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.built
    }

    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.built + nth, fault);
    }
}

/// `with`: whether the cluster is there at all.
fn world<T>(with: bool, decoys: &[Decoy], client: impl Fn(&Cloud) -> T) -> Sim<T> {
    let cloud = Cloud::new();
    let setup = async {
        let ours = cloud.member("mgmt");
        let (network, subnet) =
            if with { build(&ours, &mark()).await } else { ("none".into(), "none".into()) };
        for one in decoys {
            decoy(&cloud, *one, &network, &subnet).await;
        }
    };
    futures_executor(setup);
    cloud.page_size(4);
    let built = cloud.writes().len();
    Sim { target: client(&cloud), cloud, built }
}

/// Runs what never waits.
fn futures_executor(task: impl Future<Output = ()>) {
    let mut task = std::pin::pin!(task);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_ready(), "the simulator answers at once");
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Returns whether the snapshot has a thing of the cluster in its project, of one of the kinds.
fn has_any(sim: &Sim<impl Send + Sync>, snapshot: &[String], kinds: &[&str]) -> bool {
    let project = sim.cloud.project("mgmt");
    let ours = |line: &String| {
        let kind = kinds.iter().find_map(|kind| line.strip_prefix(&format!("{kind} {project} ")));
        kind.is_some_and(|rest| {
            rest.starts_with(&format!("{} ", mark().network()))
                || rest.starts_with(&format!("{}-kubeapi ", mark().network()))
                || rest.starts_with("kube_service_c1_")
                || rest.starts_with("k8s-cluster-ns-c1-secgroup-")
                || rest.ends_with(&mark().description())
        })
    };
    snapshot.iter().any(ours)
}

static BALANCERS: Tally = Tally::new();
static NETWORKS: Tally = Tally::new();

#[test]
fn removing_balancers_obeys_the_laws() {
    proptest!(|(with in any::<bool>(), decoys in any_decoys())| {
        let outside = world(with, &decoys, |cloud| LoadBalancers::new(cloud.admin("mgmt")));
        settled(&outside.cloud);
        let world = || outside.fork(|cloud| LoadBalancers::new(cloud.admin("mgmt")));
        let desired = RemoveClusterBalancers { cluster: mark() };
        let kinds = ["balancer"];
        let holds = |snapshot: &Vec<String>| !has_any(&outside, snapshot, &kinds);
        BALANCERS.count(paused().block_on(check_laws(world, &desired, Undo::None, holds)));
    });
    BALANCERS.assert_meaningful("remove_cluster_balancers");
}

#[test]
fn removing_the_network_obeys_the_laws() {
    proptest!(|(with in any::<bool>(), decoys in any_decoys())| {
        let outside = world(with, &decoys, |cloud| Network::new(cloud.admin("mgmt")));
        without_balancers(&outside.cloud);
        let world = || outside.fork(|cloud| Network::new(cloud.admin("mgmt")));
        let desired = RemoveClusterNetwork { cluster: mark() };
        let strangers = decoys.iter().any(|decoy| decoy.is_strangers());
        let holds = |snapshot: &Vec<String>| {
            !has_any(&outside, snapshot, &["floatingips", "ports", "group"])
                && (strangers || !has_any(&outside, snapshot, &["routers", "subnets", "networks"]))
        };
        NETWORKS.count(paused().block_on(check_laws(world, &desired, Undo::None, holds)));
    });
    NETWORKS.assert_meaningful("remove_cluster_network");
}

/// Lets Octavia end its work.
fn settled(cloud: &Cloud) {
    futures_executor(async {
        for _ in 0..4 {
            for project in ["mgmt", "next door"] {
                LoadBalancers::new(cloud.member(project)).list().await.unwrap();
            }
        }
    });
}

/// Takes the cluster's load balancers away, as the step before does. It counts as no write.
fn without_balancers(cloud: &Cloud) {
    settled(cloud);
    cloud.drop_balancers(&[&mark().api_balancer(), "kube_service_c1_web_front"]);
}

#[tokio::test(start_paused = true)]
async fn the_simulator_keeps_the_contract() {
    let cloud = Cloud::new();
    let external = part(&cloud.admin("admin"), "networks", "network", json!({})).await;
    contract::cluster_orphans(cloud.member("mgmt"), &external).await;
}

#[tokio::test(start_paused = true)]
async fn a_balancer_in_error_goes_and_one_that_octavia_works_on_is_waited_for() {
    let sim = world(true, &[], |cloud| LoadBalancers::new(cloud.member("mgmt")));
    settled(&sim.cloud);
    let all = sim.target.list().await.unwrap();
    sim.cloud.set_balancer_status(&all[0].id, "ERROR");
    let desired = RemoveClusterBalancers { cluster: mark() };
    assert!(ensure(&Context::default(), &sim.target, &desired).await.unwrap().changed());
    assert_eq!(sim.target.list().await.unwrap(), []);

    let sim = world(true, &[], |cloud| LoadBalancers::new(cloud.member("mgmt")));
    settled(&sim.cloud);
    let all = sim.target.list().await.unwrap();
    sim.cloud.set_balancer_status(&all[1].id, "PENDING_UPDATE");
    let failure =
        Failure::from(ensure(&Context::default(), &sim.target, &desired).await.unwrap_err());
    assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Nothing));
    assert!(failure.found.unwrap().ends_with("is PENDING_UPDATE"));
    assert_eq!(sim.writes(), 0);
}

#[tokio::test]
async fn who_lacks_the_role_is_told() {
    let sim = world(true, &[], |cloud| LoadBalancers::new(cloud.member("mgmt")));
    sim.cloud.deny(Service::LoadBalancer);
    let desired = RemoveClusterBalancers { cluster: mark() };
    let failure = Failure::from(plan(&sim.target, &desired).await.unwrap_err());
    insta::assert_snapshot!(failure, @"could not read load balancers of ns/c1 on cloud rehearsal, project mgmt: GET load-balancer /v2/lbaas/loadbalancers: 403: Policy does not allow this request to be performed. (req-00000000-0000-4000-8000-00000000000b)");
}

#[tokio::test]
async fn what_is_shown() {
    let decoys = [Decoy::StrangersAddress, Decoy::LongerName];
    let sim = world(true, &decoys, |cloud| Network::new(cloud.member("mgmt")));
    settled(&sim.cloud);
    let desired = RemoveClusterNetwork { cluster: mark() };
    let plan = plan(&sim.target, &desired).await.unwrap();
    let omega_core::Delta::Changes(changes) = plan.delta() else { panic!("{:?}", plan.delta()) };
    let lines = changes.iter().map(|change| omega_core::Describe::describe(change).to_string());
    let notes = omega_core::Desired::notes(&desired, plan.before(), Context::default().now())
        .into_iter()
        .map(|n| n.text);
    let mut shown = lines.chain(notes).collect::<Vec<_>>().join("\n");
    for (nth, id) in ids(&shown).into_iter().enumerate() {
        shown = shown.replace(&id, &format!("ID{nth}"));
    }
    insta::assert_snapshot!(shown);
}

/// Returns the ids in the text, in order.
fn ids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let mut ids: Vec<_> = words.filter(|word| word.len() == 36).map(str::to_owned).collect();
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}
