#![allow(clippy::large_futures, reason = "a test has one")]

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::sim::Apiserver;
use omega_core::{Clock, Context, Touched};
use omega_juju::{Error as UnitError, channel::JujuStatus, sim::Start};
use omega_openstack::{Method, Request, Service, sim::Cloud};
use serde_json::json;

use super::*;
use crate::{acceptance::items::JujuModel, clients::PartialClients, rehearsal, test_harness::Site};

/// A model as juju 3.4 prints one: a principal in a container, with a subordinate.
const MODEL: &str = include_str!("model.json");
#[derive(Debug)]
struct Model(&'static str);

#[async_trait]
impl JujuModel for Model {
    async fn status(&self) -> Result<JujuStatus, UnitError> {
        JujuStatus::parse(self.0.as_bytes()).map_err(|error| UnitError::Malformed {
            unit: "the model".to_owned(),
            why: error.to_string(),
            touched: Touched::Nothing,
        })
    }
}

fn at(time: &str) -> Context {
    Context::default().with_clock(Clock::Fixed(time.parse().unwrap()))
}

const NOON: &str = "2026-11-21T12:00:00Z";

/// A cloud with what clusters are made of.
async fn furnish(cloud: &Cloud) {
    cloud.add_network("admin", "provider-ext", "10.12.4.0/22", true);
    cloud.add_network("capi-mgmt", "capi-mgmt-net", "10.20.0.0/24", false);
    cloud.add_network("other", "not-ours", "10.20.9.0/24", false);
    let properties = json!({
        "os_distro": "ubuntu", "kube_version": "v1.34.8", "omega_source_sha512": "7efde4857c9f",
        "os_hash_algo": "sha512", "os_hash_value": "0badcafe", "disk_format": "raw",
    });
    cloud.add_glance_image("capi-mgmt", "ubuntu-jammy-kube-v1.34.8", &properties);
    cloud.add_glance_image("capi-mgmt", "cirros", &json!({}));
    let template = json!({
        "name": "capi-k8s-v1-34", "coe": "kubernetes", "image_id": "ubuntu-jammy-kube-v1.34.8",
        "external_network_id": "provider-ext", "master_flavor_id": "gp.mid", "flavor_id": "capi.node",
        "network_driver": "calico", "dns_nameserver": "8.8.8.8", "keypair_id": "capi-mgmt-key",
        "server_type": "vm",
        "labels": { "fixed_subnet_cidr": "10.20.16.0/24", "registry_password": "hunter2" },
    });
    cloud.add_image("ubuntu-jammy-kube-v1.34.8", true);
    let request = Request::new(Service::ContainerInfra, Method::Post, &["clustertemplates"]);
    let sent = cloud.admin("capi-mgmt").send(request.body(template)).await.unwrap();
    assert!(sent.status < 300, "{sent:?}");
    cloud.add_cluster("capi-mgmt", "capi-test-1", Some("HEALTHY"), "");
    cloud.add_balancer("capi-mgmt", "k8s-clusterapi-cluster-ns-capi-test-1-cyusd2b67a45-kubeapi");
}

/// The management cluster with a node and a pod of a controller.
fn populate(apiserver: &Apiserver) {
    apiserver.add_list("/api/v1/nodes", "Node");
    apiserver.add_list("/api/v1/pods", "Pod");
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    let info = json!({
        "kubeletVersion": "v1.32.3", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
        "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux",
        "osImage": "", "systemUUID": "",
    });
    let node = json!({
        "metadata": { "name": "capi-mgmt-v2" },
        "status": { "conditions": ready, "nodeInfo": info },
    });
    apiserver.put("/api/v1/nodes", node);
    let image = "registry.k8s.io/capi-openstack/capi-openstack-controller:v0.14.4";
    let container = json!({
        "name": "manager", "image": image, "imageID": "registry/x@sha256:9f2c41", "ready": true,
        "restartCount": 0,
    });
    let pod = json!({
        "metadata": { "name": "capo-controller-manager-7c9", "namespace": "capo-system" },
        "spec": { "containers": [{ "name": "manager", "image": image }] },
        "status": { "containerStatuses": [container] },
    });
    apiserver.put("/api/v1/pods", pod);
}

/// A whole site after the graft.
async fn grafted() -> Site {
    let site = Site::new(&[Start::Fresh, Start::Fresh]);
    site.apply().await.unwrap();
    furnish(&site.cloud).await;
    populate(&site.apiserver);
    site
}

fn surveyor(site: &Site) -> Surveyor {
    let (_, kubeconfig) = rehearsal::site().unwrap();
    let clients = PartialClients::from(&site.clients.read_only());
    Surveyor::new(clients, Some(Arc::new(Model(MODEL))), "omega.toml")
        .with_kubeconfig(kubeconfig.facts)
}

#[tokio::test]
async fn a_whole_site_as_it_is_written_down() {
    let site = grafted().await;
    let writes = site.writes();
    let built = surveyor(&site).look(&at(NOON)).await;
    assert_eq!(built.unread(), []);
    assert_eq!(site.writes(), writes, "it only reads");
    let page = built.markdown();
    let parts: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = [
        "Applications",
        "Units",
        "Machines",
        "Endpoints",
        "Networks",
        "Subnets",
        "Images",
        "Cluster templates",
        "Clusters",
        "Load balancers",
        "Conductor",
        "Files of the graft",
        "Management cluster",
        "Controllers",
        "Helm releases",
        "Served versions",
    ];
    assert_eq!(parts, expected, "{page}");
    assert!(!page.contains("\nNone.\n") && !page.contains("Not looked at"), "{page}");
}

/// The whole page: a change of it is a change of what operators compare from month to month.
#[tokio::test]
async fn the_page_of_a_whole_site() {
    let page = surveyor(&grafted().await).look(&at(NOON)).await.markdown();
    let page = page.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("as_built_page", page);
}

/// Rows of the section that runbooks keep by hand, phase 07 and phase 08.
#[tokio::test]
async fn every_row_of_the_hand_written_section_has_its_place() {
    let site = grafted().await;
    let page = surveyor(&site).look(&at(NOON)).await.markdown();
    for row in [
        // 07: "magnum/0: LXD 1/lxd/2 on openstack1, addr 10.12.4.76, charm magnum 2024.1/stable rev 70"
        "| magnum/0 |  | yes | 1/lxd/2 | 10.12.4.76 |",
        "| magnum | magnum | 2024.1/stable | 70 | ubuntu@22.04 | 18.0.1 |",
        "| 1 | openstack1 |",
        // "DEB magnum 18.0.1, python3.10; conductor user magnum"
        "| magnum | 18.0.1 |",
        "| python | /usr/bin/python3 ",
        "| user | magnum |",
        // "magnum-capi-helm==1.4.0"
        "magnum-capi-helm 1.4.0 in ",
        // "kubeconfig: /etc/magnum/kubeconfig, -rw------- magnum, server = FIP"
        "| magnum/0 | /etc/magnum/kubeconfig | file | magnum:magnum | 0600 |",
        "| kubeconfig | sha256 ",
        // "conf.d drop-in: kubeconfig_file, helm_chart_repo, helm_chart_name, default_helm_chart_version"
        "| magnum/0 | /etc/magnum/magnum.conf.d/00-capi-helm.conf | file |",
        "default_helm_chart_version=0.25.1",
        "helm_chart_repo=https://azimuth-cloud.github.io/capi-helm-charts",
        // "config-dir injection: /etc/default/magnum-conductor; verified live"
        "| magnum/0 | /etc/default/magnum-conductor | file |",
        "--config-dir /etc/magnum/magnum.conf.d",
        // "helm v3.17.3"
        "| helm | /bin/helm ",
        // 08: "create: master-count 1, uuid; API LB id, VIP, endpoint; STANDALONE amphora; health"
        "| cluster | capi-test-1 |",
        "| masters | 1 |",
        "| health | HEALTHY |",
        "| amphorae | STANDALONE ",
        "| cluster | capi-test-1 |\n| provider | amphora |",
        // The pins of appendix-B: Cluster API, its providers, cert-manager, the addon provider, helm's releases.
        "| controller | cluster-api |",
        "v0.14.4",
        "| API server | ",
        // Template and image.
        "| network | calico |",
        "| kube_version |",
        "v1.34.8",
    ] {
        assert!(page.contains(row), "no {row}\n{page}");
    }
}

#[tokio::test]
async fn two_looks_at_one_site_differ_in_their_time_only() {
    let site = grafted().await;
    let first = surveyor(&site).look(&at(NOON)).await.markdown();
    let second = surveyor(&site).look(&at("2026-11-22T08:30:00Z")).await.markdown();
    let pairs = first.lines().zip(second.lines());
    let different: Vec<_> = pairs.filter(|(one, other)| one != other).map(|(one, _)| one).collect();
    assert_eq!(different, ["| looked at | 2026-11-21T12:00:00Z |"]);
    assert_eq!(first.lines().count(), second.lines().count());
}

#[tokio::test]
async fn no_secret_is_written_down() {
    let site = grafted().await;
    let built = surveyor(&site).look(&at(NOON)).await;
    let all = format!("{}{}", built.markdown(), serde_json::to_string(&built).unwrap());
    for secret in ["hunter2", "PRIVATE KEY", "client-key-data", "BEGIN CERTIFICATE"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(all.contains("registry_password=(not shown)"));
}

/// Each service in turn: what it would have said counts as unread, and the rest is there.
#[tokio::test]
async fn what_does_not_answer_is_said_in_its_place() {
    for (service, parts) in [
        (Service::Network, vec!["Networks", "Subnets", "Load balancers"]),
        (Service::Image, vec!["Images"]),
        (Service::ContainerInfra, vec!["Cluster templates", "Clusters"]),
        (Service::LoadBalancer, vec!["Load balancers"]),
    ] {
        let site = grafted().await;
        site.cloud.take_down(service);
        let built = surveyor(&site).look(&at(NOON)).await;
        let unread: Vec<_> = built.unread().into_iter().map(|(part, _)| part).collect();
        assert_eq!(unread, parts, "{service:?}");
        let page = built.markdown();
        assert!(page.contains("* **Not read**: "), "{page}");
        assert!(page.contains("| magnum | magnum | 2024.1/stable | 70 |"), "{page}");
    }
}

#[tokio::test]
async fn a_unit_a_model_and_a_management_cluster_that_do_not_answer_hide_nothing_else() {
    let site = grafted().await;
    site.units[1].cut_off(true);
    site.apiserver.fail(omega_capi::sim::Fault::Anonymous);
    let clients = PartialClients::from(&site.clients);
    let surveyor = Surveyor::new(clients, Some(Arc::new(Model("ERROR"))), "omega.toml");
    let built = surveyor.look(&at(NOON)).await;
    let unread: std::collections::BTreeSet<_> =
        built.unread().into_iter().map(|(part, _)| part).collect();
    let expected = [
        "Applications",
        "Conductor",
        "Controllers",
        "Files of the graft",
        "Helm releases",
        "Machines",
        "Management cluster",
        "Served versions",
        "Units",
    ];
    assert_eq!(unread.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(built.conductor.rows.len(), 1, "the other unit is there");
    assert_eq!(built.conductor.unread[0].what, "unit magnum/1");
    assert!(!built.endpoints.rows.is_empty());
}

#[tokio::test]
async fn what_the_site_does_not_name_is_neither_there_nor_unread() {
    let surveyor =
        Surveyor::new(PartialClients::default(), Some(Arc::new(Model(MODEL))), "omega.toml");
    let built = surveyor.look(&at(NOON)).await;
    assert_eq!(built.unread(), []);
    assert_eq!(built.clusters.not_named.as_deref(), Some("the site file names no cloud"));
    let page = built.markdown();
    assert!(
        page.contains("## Clusters\n\nNot looked at: the site file names no cloud.\n"),
        "{page}"
    );
}

#[test]
fn nothing_of_a_name_is_obeyed() {
    let application = |name: &str| Application {
        name: name.to_owned(),
        charm: None,
        channel: None,
        revision: None,
        base: None,
        version: None,
        subordinate: false,
        units: 1,
    };
    let mut built = empty();
    built.applications = Part::of(vec![application("a|b\n## c\u{1b}[2J<script>")]);
    let page = built.markdown();
    assert!(page.contains("| a\\|b ## c [2J&lt;script> |"), "{page}");
}

fn empty() -> AsBuilt {
    let look = Look {
        at: NOON.parse().unwrap(),
        omega: String::new(),
        site: String::new(),
        site_sha256: None,
        user: None,
        project: None,
        model: None,
        endpoints: omega_core::run::Endpoints::default(),
    };
    AsBuilt {
        look,
        applications: Part::default(),
        units: Part::default(),
        machines: Part::default(),
        endpoints: Part::default(),
        networks: Part::default(),
        subnets: Part::default(),
        images: Part::default(),
        templates: Part::default(),
        clusters: Part::default(),
        balancers: Part::default(),
        conductor: Part::default(),
        files: Part::default(),
        management: Part::default(),
        controllers: Part::default(),
        releases: Part::default(),
        kinds: Part::default(),
    }
}
