use std::sync::Arc;

use omega_core::Touched;
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

/// A proxy's page answers, so neither the route nor a daemon is what to look at.
#[test]
fn a_page_in_the_place_of_a_service_is_an_address_to_check() {
    let page = |request: &str| Error::Malformed {
        request: request.to_owned(),
        why: "an HTML page (Welcome) in place of JSON".to_owned(),
        request_id: None,
        touched: Touched::Nothing,
    };
    let login = Error::Login {
        cloud: "lab".to_owned(),
        user: "admin".to_owned(),
        next: Some("check auth_url: it is Keystone's own address".to_owned()),
        source: Arc::new(page("POST identity /v3/auth/tokens")),
    };
    let without =
        CloudFacts { login: Err(login), services: Vec::new(), volume_types: None, trustee: None };
    let services = vec![(Service::ContainerInfra, Err(page("GET container-infra /v1/clusters")))];
    let with = CloudFacts { login: Ok(1), services, volume_types: None, trustee: None };
    let told = |facts| {
        let found = judge(facts, "cloud lab").findings.remove(0);
        (found.cause, found.finding.remedy.unwrap())
    };
    let keystone = (Cause::IdentityUnreachable, "check auth_url: it is Keystone's own address");
    assert_eq!(told(&without), (keystone.0, keystone.1.to_owned()));
    let (cause, remedy) = told(&with);
    assert_eq!(cause, Cause::ServiceUnreachable);
    assert!(remedy.starts_with("check that it is the service's own address"), "{remedy}");
}
