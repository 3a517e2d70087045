use omega_openstack::{identity::Identity, sim::Cloud};

use super::*;
use crate::doctor::{Report, machine};

fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.domain_setup();
    cloud
}

/// What is said of the cloud: its causes, with what they are about.
async fn causes_of(cloud: &Cloud) -> Vec<(Cause, String)> {
    let inventory = CloudInventory::new(cloud.admin("admin"));
    let trustee = TrusteeDomain::new(Identity::new(cloud.admin("admin")));
    let facts = ask(&inventory, &trustee).await;
    let found = judge(&facts, "cloud lab").findings;
    found.into_iter().map(|one| (one.cause, one.finding.subject.name)).collect()
}

#[tokio::test]
async fn nothing_is_wrong_with_a_cloud_that_is_well() {
    assert_eq!(causes_of(&cloud()).await, []);
}

#[tokio::test]
async fn each_thing_that_a_create_needs_is_named() {
    let without = cloud();
    without.remove_volume_types();
    let types = (Cause::NoVolumeType, "block-storage".to_owned());
    assert_eq!(causes_of(&without).await, [types]);

    let silent = cloud();
    silent.take_down(Service::LoadBalancer);
    let octavia = (Cause::ServiceUnreachable, "load-balancer".to_owned());
    assert_eq!(causes_of(&silent).await, [octavia]);

    let bare = Cloud::new();
    assert_eq!(causes_of(&bare).await[0].0, Cause::TrusteeDomain);

    let down = cloud();
    down.take_down(Service::Identity);
    assert_eq!(causes_of(&down).await[0].0, Cause::IdentityUnreachable);
}

#[tokio::test]
async fn who_may_not_ask_knows_nothing_and_blames_nobody() {
    let strict = cloud();
    strict.deny(Service::LoadBalancer);
    let inventory = CloudInventory::new(strict.admin("admin"));
    let trustee = TrusteeDomain::new(Identity::new(strict.admin("admin")));
    let asked = judge(&ask(&inventory, &trustee).await, "cloud lab");
    assert!(!Report::new(vec![asked.clone()]).broken, "{:?}", asked.findings);
    assert_eq!(asked.findings.len(), 1);
}

#[tokio::test]
async fn the_server_of_the_management_cluster_is_the_one_of_that_name() {
    let cloud = cloud();
    cloud.add_server("mgmt", "capi-mgmt-v2-old", "ACTIVE");
    cloud.add_server("mgmt", "capi-mgmt-v2", "SHUTOFF");
    let servers = CloudInventory::new(cloud.admin("mgmt")).servers_named("capi-mgmt-v2").await;
    let found = machine::judge(Some("capi-mgmt-v2"), Some(&servers)).findings;
    assert_eq!(found.iter().map(|one| one.cause).collect::<Vec<_>>(), [Cause::VmNotActive]);
}
