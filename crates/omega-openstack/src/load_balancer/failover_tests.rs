//! Load balancers are failed over, on the simulator.

use std::sync::Arc;

use omega_core::{
    Context, Delta, Describe as _, EnsureError, Failure, FailureClass, Touched, ensure, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    Error, Method, Request, Service, Transport, contract,
    sim::{Cloud, FailoverFate},
};

async fn balancer(of: &Arc<dyn Transport>, name: &str) -> String {
    let body = json!({ "loadbalancer": { "name": name, "vip_subnet_id": "s" } });
    let request = Request::new(Service::LoadBalancer, Method::Post, &["lbaas", "loadbalancers"]);
    let answer = of.send(request.body(body)).await.unwrap();
    answer.body["loadbalancer"]["id"].as_str().unwrap().to_owned()
}

async fn admin(cloud: &Cloud) -> LoadBalancerAdmin {
    LoadBalancerAdmin::new(cloud.admin("admin")).await.unwrap()
}

/// Lets Octavia end its work.
async fn settle(cloud: &Cloud) {
    for _ in 0..4 {
        LoadBalancers::new(cloud.admin("mgmt")).list().await.unwrap();
    }
}

/// A cloud with the load balancer `web`, which is ACTIVE; returns its id too.
async fn with_web() -> (Cloud, String) {
    let cloud = Cloud::new();
    let id = balancer(&cloud.member("mgmt"), "web").await;
    settle(&cloud).await;
    (cloud, id)
}

fn web() -> ActiveLoadBalancer {
    ActiveLoadBalancer { balancer: "web".to_owned() }
}

async fn failure(cloud: &Cloud, wanted: &ActiveLoadBalancer) -> Failure {
    let admin = admin(cloud).await;
    Failure::from(ensure(&Context::default(), &admin, wanted).await.unwrap_err())
}

/// Returns the text without ids that depend on what else was made.
fn shown(failure: &Failure) -> String {
    let Failure { message, causes, expected, found, next, .. } = failure;
    let all = [Some(message), expected.as_ref(), found.as_ref(), next.as_ref()];
    let all = all.into_iter().flatten().chain(causes);
    all.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// What the load balancer is like at first.
#[derive(Clone, Copy, Debug)]
enum There {
    Absent,
    Active,
    InError,
    BeingMade,
    Stuck,
}

#[derive(Clone, Copy, Debug)]
enum Decoy {
    LongerName,
    OtherProject,
    SameName,
}

#[derive(Clone, Debug)]
struct Start {
    there: There,
    decoys: Vec<Decoy>,
    double: bool,
    by_id: bool,
    hosts: usize,
    servers: Option<u64>,
}

fn any_start() -> impl Strategy<Value = Start> {
    use There::{Absent, Active, BeingMade, InError, Stuck};
    // Mostly in ERROR: the others change nothing.
    let there = [Absent, Active, InError, InError, InError, BeingMade, Stuck];
    let decoys = [Decoy::LongerName, Decoy::OtherProject, Decoy::SameName];
    let decoys = prop::collection::vec(prop::sample::select(decoys.to_vec()), 0..2);
    let servers = prop::sample::select(vec![None, None, Some(1), Some(20)]);
    let hosts = prop::sample::select(vec![0, 1, 3, 3]);
    (prop::sample::select(there.to_vec()), decoys, any::<bool>(), any::<bool>(), hosts, servers)
        .prop_map(|(there, decoys, double, by_id, hosts, servers)| Start {
            there,
            decoys,
            double,
            by_id,
            hosts,
            servers,
        })
}

struct Sim {
    cloud: Cloud,
    target: LoadBalancerAdmin,
    built: usize,
    id: String,
}

impl Sim {
    fn fork(&self) -> Self {
        let cloud = self.cloud.fork();
        let target = LoadBalancerAdmin::unchecked(cloud.admin("admin"));
        Self { target, cloud, built: self.built, id: self.id.clone() }
    }
}

impl World for Sim {
    type Target = LoadBalancerAdmin;
    type Snapshot = Vec<String>;

    fn target(&self) -> &LoadBalancerAdmin {
        &self.target
    }

    fn snapshot(&self) -> Vec<String> {
        self.cloud.balancer_states()
    }

    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.built
    }

    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.built + nth, fault);
    }
}

async fn world(start: &Start) -> Sim {
    let cloud = Cloud::new();
    cloud.hosts_with_room(start.hosts);
    start.servers.into_iter().for_each(|servers| cloud.amphora_quota(servers));
    for decoy in &start.decoys {
        let (project, name) = match decoy {
            Decoy::LongerName => ("mgmt", "web2"),
            Decoy::OtherProject => ("next door", "web of others"),
            Decoy::SameName => ("next door", "web"),
        };
        let id = balancer(&cloud.member(project), name).await;
        settle(&cloud).await;
        cloud.set_balancer_status(&id, "ERROR");
    }
    let mut made = String::new();
    if !matches!(start.there, There::Absent) {
        made = balancer(&cloud.member("mgmt"), "web").await;
        if start.double {
            cloud.double_amphorae(&made);
        }
    }
    match start.there {
        There::Absent | There::BeingMade => {}
        There::Active => settle(&cloud).await,
        There::InError => {
            settle(&cloud).await;
            cloud.set_balancer_status(&made, "ERROR");
        }
        There::Stuck => cloud.set_balancer_status(&made, "PENDING_UPDATE"),
    }
    let built = cloud.writes().len();
    Sim { target: LoadBalancerAdmin::unchecked(cloud.admin("admin")), cloud, built, id: made }
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

static ACTIVE: Tally = Tally::new();
static FAILED_OVER: Tally = Tally::new();

#[test]
fn being_active_obeys_the_laws() {
    proptest!(|(start in any_start())| {
        ACTIVE.count(paused().block_on(async {
            let outside = world(&start).await;
            let asked = if start.by_id { outside.id.clone() } else { "web".to_owned() };
            // An administrator names those of every project.
            let absent = matches!(start.there, There::Absent);
            let project = outside.cloud.project(if absent { "next door" } else { "mgmt" });
            let ours = format!("{project} web ACTIVE ");
            let holds = |all: &Vec<String>| all.iter().any(|line| line.starts_with(&ours));
            let wanted = ActiveLoadBalancer { balancer: asked };
            check_laws(|| outside.fork(), &wanted, Undo::None, holds).await
        }));
    });
    ACTIVE.assert_meaningful("ensure_load_balancer_active");
}

#[test]
fn failing_over_obeys_the_laws() {
    proptest!(|(start in any_start(), gone in any::<bool>())| {
        let start = match start.there {
            // The forks are younger than what is being made.
            There::InError | There::BeingMade => Start { there: There::Active, ..start },
            There::Absent | There::Active | There::Stuck => start,
        };
        FAILED_OVER.count(paused().block_on(async {
            let outside = world(&start).await;
            let (amphorae, _) = outside.target.amphorae(&outside.id).await.unwrap();
            let old = amphorae.iter().map(|one| one.id.clone()).filter(|_| !gone);
            let old = old.chain(["a1".to_owned()]).collect();
            let wanted = FailedOver { balancer: outside.id.clone(), old };
            let ours = format!("{} web ACTIVE ", outside.cloud.project("mgmt"));
            let other = if gone { "" } else { ", 1 failovers, " };
            let holds = |all: &Vec<String>| {
                all.iter().any(|line| line.starts_with(&ours) && line.contains(other))
            };
            check_laws(|| outside.fork(), &wanted, Undo::None, holds).await
        }));
    });
    FAILED_OVER.assert_meaningful("fail_over");
}

#[tokio::test(start_paused = true)]
async fn the_simulator_keeps_the_contract() {
    let cloud = Cloud::new();
    contract::failovers(cloud.admin("admin"), cloud.member("other")).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_it_costs_and_that_nothing_leads_back() {
    let (cloud, id) = with_web().await;
    cloud.set_balancer_status(&id, "ERROR");
    let admin = admin(&cloud).await;
    let planned = plan(&admin, &web()).await.unwrap();
    assert!(planned.undo().is_none());
    let Delta::Changes(changes) = planned.delta() else { panic!("{:?}", planned.delta()) };
    let diff = changes[0].describe();
    insta::assert_snapshot!(format!("{diff}\n{}", diff.detail.join("\n")));
    let before = cloud.writes().len();
    ensure(&Context::default(), &admin, &web()).await.unwrap();
    let sent = cloud.writes().split_off(before);
    assert_eq!(sent, [format!("PUT load-balancer /v2/lbaas/loadbalancers/{id}/failover")]);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_fails_is_an_error_at_once_and_is_not_repeated() {
    let (cloud, id) = with_web().await;
    cloud.set_balancer_status(&id, "ERROR");
    cloud.failovers(FailoverFate::Fails);
    let before = cloud.writes().len();
    let start = tokio::time::Instant::now();
    let failure = failure(&cloud, &web()).await;
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Maybe));
    assert_eq!(cloud.writes().len() - before, 1);
    assert!(start.elapsed().as_secs() < 60, "it does not wait for what has ended");
    insta::assert_snapshot!(shown(&failure));
    // Another run, of an operator who has corrected the cause.
    cloud.failovers(FailoverFate::Succeeds);
    assert!(ensure(&Context::default(), &admin(&cloud).await, &web()).await.unwrap().changed());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stuck_is_reported_with_its_amphorae_and_nothing_is_sent() {
    for (double, minutes) in [(false, 15), (true, 30)] {
        let (cloud, id) = with_web().await;
        if double {
            cloud.double_amphorae(&id);
        }
        cloud.set_balancer_status(&id, "ERROR");
        cloud.failovers(FailoverFate::NeverEnds);
        let start = tokio::time::Instant::now();
        let failure = failure(&cloud, &web()).await;
        assert_eq!(start.elapsed().as_secs() / 60, minutes, "{failure:?}");
        assert_eq!(failure.touched, Touched::Maybe, "the failover was sent");
        let before = cloud.writes().len();
        // The next run does not wait again.
        let start = tokio::time::Instant::now();
        let failure = self::failure(&cloud, &web()).await;
        assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
        assert_eq!(start.elapsed().as_secs(), 0);
        assert_eq!(cloud.writes().len(), before);
        insta::assert_snapshot!(format!("stuck_{minutes}"), shown(&failure));
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_nothing_is_sent_and_what_is_unknown_is_said() {
    let (cloud, id) = with_web().await;
    cloud.set_balancer_status(&id, "ERROR");
    let before = cloud.writes().len();
    cloud.amphora_quota(1);
    insta::assert_snapshot!("no_quota", shown(&failure(&cloud, &web()).await));
    cloud.amphora_quota(20);
    cloud.hosts_with_room(0);
    insta::assert_snapshot!("no_host", shown(&failure(&cloud, &web()).await));
    assert_eq!(cloud.writes().len(), before);
    // What can't be asked does not stand in the way.
    for service in [Service::Placement, Service::Compute] {
        cloud.take_down(service);
        let planned = plan(&admin(&cloud).await, &web()).await.unwrap();
        let Delta::Changes(changes) = planned.delta() else { panic!("{:?}", planned.delta()) };
        let room = changes[0].room.clone().unwrap();
        assert_eq!(room.hosts, None);
        let line = room.line();
        assert!(line.starts_with("not known of the room for one more amphora: "), "{line}");
    }
    ensure(&Context::default(), &admin(&cloud).await, &web()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_no_administrator_is_refused_before_anything_is_asked() {
    let (cloud, _) = with_web().await;
    let before = cloud.requests();
    let error = LoadBalancerAdmin::new(cloud.member("mgmt")).await.unwrap_err();
    assert_eq!(cloud.requests(), before);
    insta::assert_snapshot!(shown(&Failure::from_error("could not use Octavia", &error)));
    // Nor is who restores a stored fact.
    let step = crate::restore(
        <ActiveLoadBalancer as omega_core::Desired>::KIND,
        &json!({ "balancer": "web" }),
        &cloud.member("mgmt"),
    );
    let failure = step.unwrap().unwrap().preview(Context::default().now()).await.unwrap_err();
    assert!(failure.message.contains("could not read load balancer web"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_failover_is_a_clear_error() {
    let (cloud, id) = with_web().await;
    cloud.set_balancer_status(&id, "ERROR");
    cloud.set_balancer_provider(&id, "ovn");
    let admin = admin(&cloud).await;
    let error = ensure(&Context::default(), &admin, &web()).await.unwrap_err();
    let EnsureError::Apply { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(Error::reason(source), Some(crate::RefusalReason::NotSupported));
    let failure = Failure::from(error);
    assert_eq!(failure.touched, Touched::Nothing);
    insta::assert_snapshot!(shown(&failure));
    // On purpose: it has no amphora, so that its effect could not be seen.
    cloud.set_balancer_status(&id, "ACTIVE");
    let refused = FailedOver::from_now(&admin, "web").await.unwrap_err();
    assert!(matches!(refused, EnsureError::Conflict { .. }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_missing_or_ambiguous_or_going_is_refused() {
    let (cloud, id) = with_web().await;
    let twin = balancer(&cloud.member("next door"), "web").await;
    settle(&cloud).await;
    let failure = failure(&cloud, &web()).await;
    let found = failure.found.unwrap();
    assert!(found.contains(&id) && found.contains(&twin), "{found}");
    let absent = ActiveLoadBalancer { balancer: "web3".to_owned() };
    let failure = self::failure(&cloud, &absent).await;
    assert!(failure.causes[0].contains(r#"no load balancer with the name or id "web3""#));
    cloud.set_balancer_status(&twin, "PENDING_DELETE");
    let failure = self::failure(&cloud, &ActiveLoadBalancer { balancer: twin }).await;
    assert!(failure.causes[0].ends_with("is being deleted"), "{failure:?}");
}
