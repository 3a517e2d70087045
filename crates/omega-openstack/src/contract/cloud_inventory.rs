use std::sync::Arc;

use serde_json::json;

use crate::{Method, Request, Service, Transport, cloud_inventory::CloudInventory};

/// The services that clusters need.
const SERVICES: [Service; 6] = [
    Service::Network,
    Service::ContainerInfra,
    Service::BlockStorage,
    Service::LoadBalancer,
    Service::Compute,
    Service::Image,
];

/// What each service returns to an administrator and to a member of another project.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a contract is a test"
)]
pub async fn cloud_inventory(admin: Arc<dyn Transport>, stranger: Arc<dyn Transport>) {
    let seen = CloudInventory::new(Arc::clone(&admin));
    let project = seen.token_info().await.expect("a token").project.expect("a project").id;
    for service in SERVICES {
        seen.check(service).await.unwrap_or_else(|error| panic!("{service}: {error:?}"));
    }
    let types = seen.volume_types().await.expect("Cinder answers");
    assert!(types.iter().any(|one| one.name == "__DEFAULT__"), "{types:?}");

    let used = async || {
        let quotas = seen.network_quotas(&project).await.expect("Neutron tells");
        let networks = quotas.into_iter().find(|quota| quota.resource == "network");
        networks.expect("it counts networks")
    };
    let send = async |method, path: &[&str], body| {
        let request = Request::new(Service::Network, method, path);
        let request = if method == Method::Post { request.body(body) } else { request };
        admin.send(request).await.expect("Neutron answers").body
    };
    let network = json!({ "network": { "name": "omega contract cloud_inventory" } });
    let made = send(Method::Post, &["networks"], network).await;
    let id = made["network"]["id"].as_str().expect("an id").to_owned();
    let now = used().await;
    assert!(now.used >= 1 && now.limit.is_some_and(|limit| limit >= now.used), "{now:?}");
    send(Method::Delete, &["networks", &id], json!(null)).await;

    let quota = seen.load_balancer_quota(&project, 1).await.expect("Octavia tells");
    assert_eq!((quota.resource.as_str(), quota.used), ("load_balancer", 1));
    seen.load_balancers(&project).await.expect("Octavia lists");
    let absent = seen.servers_named("omega contract (no such)").await.expect("Nova answers");
    assert!(absent.is_empty(), "{absent:?}");

    // Only an administrator can read another project's quotas.
    let other = CloudInventory::new(stranger);
    let refused = other.network_quotas(&project).await.expect_err("Neutron refuses");
    assert_eq!(refused.refusal().map(|one| one.status), Some(403), "{refused}");
    let refused = other.load_balancer_quota(&project, 0).await.expect_err("Octavia refuses");
    assert_eq!(refused.refusal().map(|one| one.status), Some(403), "{refused}");
}
