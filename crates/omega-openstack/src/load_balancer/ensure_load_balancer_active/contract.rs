use std::sync::Arc;

use omega_core::{Context, Delta, Describe as _, Touched, ensure, plan};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::{
    Error, Method, Request, Service, Transport,
    contract::send,
    load_balancer::{ActiveLoadBalancer, FailedOver, LoadBalancerAdmin, fail_over},
};

const NAME: &str = "omega contract failover";

/// A load balancer is failed over; nobody else may, and not while Octavia is changing it. `admin` has
/// the role `admin` in a project, `stranger` is a member of another one.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, clippy::panic, reason = "a contract is a test")]
pub async fn failovers(admin: Arc<dyn Transport>, stranger: Arc<dyn Transport>) {
    let error = LoadBalancerAdmin::new(Arc::clone(&stranger)).await.expect_err("no administrator");
    assert!(matches!(error, Error::LacksRole { .. }), "{error:?}");
    let octavia = LoadBalancerAdmin::new(Arc::clone(&admin)).await.expect("an administrator");
    let ctx = Context::default();
    let (network, subnet) = subnet(&admin).await;
    let [id, decoy] = [NAME, "omega contract failover 2"].map(|name| (name, subnet.clone()));
    let id = balancer(&admin, id).await;
    let decoy = balancer(&admin, decoy).await;

    // One that is being created is waited for.
    let wanted = ActiveLoadBalancer { balancer: NAME.to_owned() };
    let done = ensure(&ctx, &octavia, &wanted).await.expect("it becomes ACTIVE");
    assert!(!done.changed(), "nothing is sent for what is only waited for");
    let by_id = ActiveLoadBalancer { balancer: id.clone() };
    assert!(!ensure(&ctx, &octavia, &by_id).await.expect("the same by its id").changed());
    let decoyed = ActiveLoadBalancer { balancer: decoy.clone() };
    ensure(&ctx, &octavia, &decoyed).await.expect("it becomes ACTIVE");
    assert_eq!(octavia.find(NAME).await.expect("listed").len(), 1, "not those of longer names");
    let one = octavia.find(&id).await.expect("listed").remove(0);
    assert!(one.created_at.is_some() && one.updated_at.is_some(), "{one:?}");

    // A member may neither see amphorae nor fail over.
    for (method, path) in [
        (Method::Get, vec!["octavia", "amphorae"]),
        (Method::Put, vec!["lbaas", "loadbalancers", &id, "failover"]),
    ] {
        let refused = send(&stranger, Request::new(Service::LoadBalancer, method, &path)).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
    }

    let (before, _) = octavia.amphorae(&id).await.expect("listed");
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before[0].role.as_deref(), Some("STANDALONE"), "{before:?}");
    assert!(before[0].compute_id.is_some() && before[0].status.is_some(), "{before:?}");
    let others = octavia.amphorae(&decoy).await.expect("listed").0;
    let wanted = FailedOver::from_now(&octavia, &id).await.expect("it has an amphora");
    let planned = plan(&octavia, &wanted).await.expect("it can be failed over");
    let Delta::Changes(changes) = planned.delta() else { panic!("{:?}", planned.delta()) };
    let lines = changes[0].describe().detail.join("\n");
    assert!(
        lines.contains("the topology is SINGLE") && lines.contains("cannot be undone"),
        "{lines}"
    );

    // Sent raw, to see what Octavia says meanwhile.
    let path = ["lbaas", "loadbalancers", &id, "failover"];
    let sent = send(&admin, Request::new(Service::LoadBalancer, Method::Put, &path)).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let again = send(&admin, Request::new(Service::LoadBalancer, Method::Put, &path)).await;
    assert_eq!(again.status, 409, "{}", again.body);
    let done = fail_over(&ctx, &octavia, &wanted).await.expect("it is waited for");
    assert!(!done.changed(), "somebody else has failed it over");
    let (after, _) = octavia.amphorae(&id).await.expect("listed");
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(after[0].id, before[0].id);

    // Now by omega.
    let wanted = FailedOver::from_now(&octavia, NAME).await.expect("it has an amphora");
    assert!(fail_over(&ctx, &octavia, &wanted).await.expect("failed over").changed());
    assert!(!fail_over(&ctx, &octavia, &wanted).await.expect("it is so").changed());
    assert_eq!(octavia.amphorae(&decoy).await.expect("listed").0, others, "the neighbour's stay");

    let absent = "00000000-0000-4000-8000-000000000000";
    let missing = ActiveLoadBalancer { balancer: absent.to_owned() };
    let error = plan(&octavia, &missing).await.expect_err("there is none");
    assert_eq!(error.touched(), Touched::Nothing);

    for id in [&id, &decoy] {
        remove(&admin, id).await;
    }
    for (plural, id) in [("subnets", subnet), ("networks", network)] {
        let request = Request::new(Service::Network, Method::Delete, &[plural, &id]);
        assert_eq!(send(&admin, request).await.status, 204, "{plural}");
    }
}

async fn make(cloud: &Arc<dyn Transport>, plural: &str, key: &str, asked: Value) -> String {
    let request = Request::new(Service::Network, Method::Post, &[plural]);
    let answer = send(cloud, request.body(json!({ key: asked }))).await;
    assert_eq!(answer.status, 201, "{plural}: {}", answer.body);
    answer.body[key]["id"].as_str().unwrap_or_default().to_owned()
}

/// Returns the ids of a new network and its subnet.
async fn subnet(cloud: &Arc<dyn Transport>) -> (String, String) {
    let network = make(cloud, "networks", "network", json!({ "name": NAME })).await;
    let subnet = json!({
        "name": NAME, "network_id": network, "ip_version": 4, "cidr": "192.168.9.0/24",
    });
    let subnet = make(cloud, "subnets", "subnet", subnet).await;
    (network, subnet)
}

async fn balancer(cloud: &Arc<dyn Transport>, (name, subnet): (&str, String)) -> String {
    let asked = json!({ "loadbalancer": { "name": name, "vip_subnet_id": subnet } });
    let path = ["lbaas", "loadbalancers"];
    let request = Request::new(Service::LoadBalancer, Method::Post, &path).body(asked);
    let answer = send(cloud, request).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["loadbalancer"]["id"].as_str().unwrap_or_default().to_owned()
}

/// Deletes it, and waits until it is gone: its subnet can't be deleted before.
#[expect(clippy::panic, reason = "a contract is a test")]
async fn remove(cloud: &Arc<dyn Transport>, id: &str) {
    let path = ["lbaas", "loadbalancers", id];
    let request = Request::new(Service::LoadBalancer, Method::Delete, &path);
    let answer = send(cloud, request.query("cascade", "true")).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    for _ in 0..240 {
        if send(cloud, Request::new(Service::LoadBalancer, Method::Get, &path)).await.status == 404
        {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
    panic!("load balancer {id} is still there");
}
