//! `read_served_apis`: storage, deprecation and contracts, from the definitions.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use omega_capi::{
    Error, Management,
    served::{discover_versions, read_served_apis},
    sim::{Apiserver, Fault},
};

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
const OPENSTACKCLUSTERS: &str = "openstackclusters.infrastructure.cluster.x-k8s.io";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

/// `v1beta2 served stored`, for each version of a kind.
async fn versions(apiserver: &Apiserver, group: &str, plural: &str) -> Vec<String> {
    let surface = read_served_apis(&over(apiserver)).await.unwrap();
    let flags = |v: &omega_capi::served::DefinedVersion| {
        let flags = [(v.served, " served"), (v.storage, " stored"), (v.deprecated, " deprecated")];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        format!("{}{flags}", v.name)
    };
    surface.definition(group, plural).unwrap().versions.iter().map(flags).collect()
}

#[tokio::test]
async fn each_version_says_whether_it_is_stored_and_deprecated() {
    let apiserver = Apiserver::default();
    let clusters = versions(&apiserver, "cluster.x-k8s.io", "clusters").await;
    assert_eq!(clusters, ["v1beta2 served stored", "v1beta1 served deprecated"]);
    let openstack = versions(&apiserver, INFRASTRUCTURE, "openstackclusters").await;
    assert_eq!(openstack, ["v1beta1 served stored"]);
    apiserver.serve("cluster.x-k8s.io", &["v1beta2"]);
    let clusters = versions(&apiserver, "cluster.x-k8s.io", "clusters").await;
    assert_eq!(clusters, ["v1beta2 served stored", "v1beta1 deprecated"], "defined, not served");
}

#[tokio::test]
async fn contracts_come_from_their_labels_and_from_no_other() {
    let apiserver = Apiserver::default();
    apiserver.label(
        OPENSTACKCLUSTERS,
        "cluster.x-k8s.io/provider",
        Some("infrastructure-openstack"),
    );
    apiserver.label(OPENSTACKCLUSTERS, "cluster.x-k8s.io/version", Some("v1"));
    apiserver.label(OPENSTACKCLUSTERS, "cluster.x-k8s.io/v1beta2", Some(""));
    apiserver.add_old_version(INFRASTRUCTURE, "v1alpha7");
    let surface = read_served_apis(&over(&apiserver)).await.unwrap();
    let contracts = &surface.definition(INFRASTRUCTURE, "openstackclusters").unwrap().contracts;
    let all: Vec<_> = contracts.iter().map(|(key, v)| format!("{key}: {}", v.join(" "))).collect();
    assert_eq!(all, ["v1beta1: v1alpha7 v1beta1", "v1beta2: "]);
    let unlabelled = surface.definition("addons.stackhpc.com", "helmreleases").unwrap();
    assert!(unlabelled.contracts.is_empty());
}

#[tokio::test]
async fn it_is_discovery_and_the_definitions_and_they_agree() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    let surface = read_served_apis(&management).await.unwrap();
    assert_eq!(management.requests(), 2, "22 definitions fit one page");
    assert_eq!(surface.served, discover_versions(&management).await.unwrap());
    assert_eq!(surface.unsettled(), [""; 0]);
    assert_eq!(surface.definitions.len(), 19, "ipam and runtime are other groups");
    // A version that the API server does not serve yet, or never will.
    let mut late = surface.clone();
    late.served.groups.get_mut("cluster.x-k8s.io").unwrap().retain(|v| v.version != "v1beta1");
    let unsettled = late.unsettled();
    assert!(unsettled.contains(&"clusters.cluster.x-k8s.io/v1beta1".to_owned()), "{unsettled:?}");
}

#[tokio::test]
async fn many_definitions_come_in_pages() {
    let apiserver = Apiserver::default();
    for number in 0..30 {
        apiserver.define(&format!("things{number}"), "example.org", &["v1"]);
    }
    let management = over(&apiserver);
    let surface = read_served_apis(&management).await.unwrap();
    assert_eq!(management.requests(), 1 + 3, "52 definitions in pages of 25");
    assert_eq!(surface.definitions.len(), 19, "somebody else's kinds do not matter");
}

#[tokio::test]
async fn the_right_to_list_definitions_is_named() {
    let apiserver = Apiserver::default();
    apiserver.fail(Fault::Nobody);
    let error = read_served_apis(&over(&apiserver)).await.unwrap_err();
    let Error::Forbidden { verb, resource, .. } = error else { panic!("{error:?}") };
    assert_eq!(
        (verb.as_str(), resource.as_str()),
        ("list", "customresourcedefinitions.apiextensions.k8s.io")
    );
}
