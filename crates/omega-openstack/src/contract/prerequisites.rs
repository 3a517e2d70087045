//! What the gates before a cluster read.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a contract is a test"
)]

use std::sync::Arc;

use omega_core::{Gate, Severity, Verdict};
use serde_json::Value;

use crate::{
    Method, Request, Response, Service, Transport,
    block_storage::{VolumeQuota, VolumeTypeVisible},
    cloud_inventory::{BalancerQuota, CloudInventory, OctaviaResponds},
    compute::{Compute, ComputeQuota, FlavorFloor, Floor, KeypairExists},
    container_infra::{ClusterQuota, ClusterShape, ClusterValues, ContainerInfra, TemplateSpec},
    contract::send,
    identity::{Identity, LoadBalancerRole, UnrestrictedCredential},
    key_manager::KeyManagerResponds,
    network::{ExternalNetwork, KnownRanges, Network, NetworkQuota, NodeNetwork},
};

/// What the gates before a cluster read, and what they say of a cloud in which one can be made. `cloud`:
/// an administrator in a project. `stranger`: a member of another one. `spec`: names that the cloud has.
///
/// Written from the services' sources. To be seen in the lab: `GET /flavors/detail`, both
/// `os-quota-sets`, `GET /os-keypairs`, Magnum's `/quotas`, and that a member sees an external network
/// and none of its subnets. Barbican is asked where the catalog has it.
///
/// # Panics
///
/// Panics if the contract is broken.
pub async fn cluster_prerequisites(
    cloud: Arc<dyn Transport>,
    stranger: Arc<dyn Transport>,
    spec: TemplateSpec,
) {
    let project = cloud.token_info().await.expect("a token").project.expect("a project").id;
    reads(&cloud, &spec, &project).await;
    for (service, path) in [
        (Service::Compute, &["os-quota-sets", &*project, "detail"][..]),
        (Service::BlockStorage, &["os-quota-sets", &*project][..]),
    ] {
        let theirs = get(&stranger, service, path, &[("usage", "true")]).await;
        assert_eq!(theirs.status, 403, "{service}: {}", theirs.body);
    }
    external(&cloud, &stranger, &spec.external_network).await;
    verdicts(&cloud, &spec).await;
}

async fn get(
    cloud: &Arc<dyn Transport>,
    service: Service,
    path: &[&str],
    query: &[(&str, &str)],
) -> Response {
    let request = Request::new(service, Method::Get, path);
    let request = query.iter().fold(request, |all, (key, value)| all.query(key, *value));
    send(cloud, request).await
}

async fn reads(cloud: &Arc<dyn Transport>, spec: &TemplateSpec, project: &str) {
    let flavors = get(cloud, Service::Compute, &["flavors", "detail"], &[]).await.body;
    let is = |one: &&Value| one["name"] == *spec.flavor || one["id"] == *spec.flavor;
    let flavor = flavors["flavors"].as_array().expect("a list").iter().find(is);
    let flavor = flavor.expect("the flavor");
    assert!(
        flavor["vcpus"].as_u64() >= Some(2) && flavor["ram"].as_u64() >= Some(2048),
        "{flavor}"
    );

    let keypairs = get(cloud, Service::Compute, &["os-keypairs"], &[]).await.body;
    for one in keypairs["keypairs"].as_array().expect("a list") {
        assert!(one["keypair"]["name"].is_string(), "each under a key of its own: {one}");
    }
    let path = ["os-quota-sets", project, "detail"];
    let nova = get(cloud, Service::Compute, &path, &[]).await.body;
    for resource in ["instances", "cores", "ram"] {
        let quota = &nova["quota_set"][resource];
        let all = ["limit", "in_use", "reserved"].map(|key| quota[key].is_i64());
        assert_eq!(all, [true; 3], "{resource}: {quota}");
    }
    let path = ["os-quota-sets", project];
    let cinder = get(cloud, Service::BlockStorage, &path, &[("usage", "true")]).await.body;
    for resource in ["volumes", "gigabytes", "gigabytes___DEFAULT__"] {
        let quota = &cinder["quota_set"][resource];
        let all = ["limit", "in_use", "reserved"].map(|key| quota[key].is_i64());
        assert_eq!(all, [true; 3], "{resource}: {quota}");
    }
    let path = ["quotas", project, "Cluster"];
    let magnum = get(cloud, Service::ContainerInfra, &path, &[]).await;
    let told = magnum.status == 200 && magnum.body["hard_limit"].is_u64();
    assert!(told || magnum.status == 404, "{} {}", magnum.status, magnum.body);
}

/// Everybody sees an external network, and only its owner and administrators its subnets.
async fn external(cloud: &Arc<dyn Transport>, stranger: &Arc<dyn Transport>, name: &str) {
    let query = [("router:external", "true")];
    for (who, sees) in [(cloud, true), (stranger, false)] {
        let all = get(who, Service::Network, &["networks"], &query).await.body;
        let all = all["networks"].as_array().expect("a list");
        assert!(all.iter().all(|one| one["router:external"] == true), "{all:?}");
        let one = all.iter().find(|one| one["name"] == name).expect("the external network");
        assert!(one["subnets"].as_array().is_some_and(|ids| !ids.is_empty()), "{one}");
        let of = [("network_id", one["id"].as_str().expect("an id"))];
        let subnets = get(who, Service::Network, &["subnets"], &of).await.body;
        assert_eq!(subnets["subnets"].as_array().is_some_and(|all| !all.is_empty()), sees);
        let seen = Network::new(Arc::clone(who)).address_inventory().await.expect("Neutron lists");
        let of = |subnet: &&crate::network::ListedSubnet| {
            seen.network_of(subnet).is_some_and(|one| one.name == name)
        };
        let pools = seen.subnets.iter().find(of).map(|subnet| subnet.allocation_pools.len());
        assert_eq!((pools.is_some_and(|all| all > 0), seen.hidden().count() == 0), (sees, sees));
    }
}

async fn verdicts(cloud: &Arc<dyn Transport>, spec: &TemplateSpec) {
    let login = || Arc::clone(cloud);
    let values = ClusterValues {
        template: String::new(),
        keypair: None,
        master_count: 1,
        node_count: 1,
        labels: [("boot_volume_size".to_owned(), "1".to_owned())].into(),
    };
    let shape = ClusterShape::of_spec(spec, &values);
    let (compute, inventory) = (Compute::new(login()), CloudInventory::new(login()));
    let network = Network::new(login());
    let floor = |floor| FlavorFloor { compute: compute.clone(), shape: shape.clone(), floor };
    let external = |name: &str| ExternalNetwork { network: network.clone(), name: name.to_owned() };
    let keypair = |name: Option<&str>| {
        let name = name.map(str::to_owned);
        KeypairExists { compute: compute.clone(), name }
    };
    passes(&floor(Floor::default())).await;
    fails(&floor(Floor { vcpus: 1 << 20, ram: 1 }), "vCPUs").await;
    passes(&keypair(None)).await;
    fails(&keypair(Some("omega contract (no such)")), "no key pair").await;
    passes(&external(&spec.external_network)).await;
    fails(&external("omega contract (no such)"), "sees no external network").await;
    let ranges = KnownRanges { pool: "192.0.2.0/24".parse().ok(), others: Vec::new() };
    let nodes = NodeNetwork { network: network.clone(), shape: shape.clone(), ranges };
    fails(&nodes, "is not in the tenants' pool").await;
    let any = VolumeTypeVisible { inventory: inventory.clone(), configured: None };
    passes(&any).await;
    fails(&VolumeTypeVisible { configured: Some("none-such".to_owned()), ..any }, "sees only")
        .await;
    // Whether this login may list amphorae is the cloud's matter.
    let octavia = OctaviaResponds { inventory: inventory.clone() }.check().await.expect("asked");
    assert!(!matches!(&octavia, Verdict::Fail(found) if found.is_broken()), "{octavia:?}");
    passes(&LoadBalancerRole { identity: Identity::new(login()) }).await;
    passes(&UnrestrictedCredential { identity: Identity::new(login()) }).await;
    passes(&ComputeQuota { compute, shape: shape.clone() }).await;
    let quota =
        NetworkQuota { network, inventory: inventory.clone(), shape: shape.clone(), services: 0 };
    passes(&quota).await;
    let mut many = shape.clone();
    many.workers = 1 << 20;
    fails(&NetworkQuota { shape: many, ..quota }, "port needs").await;
    passes(&VolumeQuota { inventory: inventory.clone(), shape }).await;
    passes(&BalancerQuota { inventory: inventory.clone(), services: 1 }).await;
    passes(&ClusterQuota { magnum: ContainerInfra::new(login()) }).await;
    let keys = KeyManagerResponds { inventory, configured: None };
    let verdict = keys.check().await.expect("asked");
    let unknown = |verdict: &Verdict| matches!(verdict, Verdict::Fail(found) if found.severity == Severity::Unknown);
    assert!(matches!(verdict, Verdict::Pass { .. }) || unknown(&verdict), "{verdict:?}");
}

async fn passes(gate: &dyn Gate) {
    let verdict = gate.check().await.expect("asked");
    assert!(matches!(verdict, Verdict::Pass { .. }), "{}: {verdict:?}", gate.rule());
}

async fn fails(gate: &dyn Gate, why: &str) {
    let verdict = gate.check().await.expect("asked");
    let Verdict::Fail(found) = &verdict else { panic!("{}: {verdict:?}", gate.rule()) };
    assert!(found.is_broken() && found.summary.contains(why), "{}: {found:?}", gate.rule());
}
