//! The gates before a create, on the simulators.

use omega_capi::sim::Apiserver;
use omega_core::{
    Context, Finding, Severity,
    run::{Approved, Engine, Report, Runs, Status},
};
use omega_openstack::{
    Service,
    container_infra::{ClusterValues, ContainerInfra, CreateTemplate, TemplateSpec},
    sim::Cloud,
};
use serde_json::json;

use super::*;
use crate::clients::{CloudClients, PartialClients};

/// A cloud in which a cluster can be created.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.domain_setup();
    cloud.add_image("k8s", true);
    let properties = json!({ "os_distro": "ubuntu", "kube_version": "v1.34.8" });
    cloud.add_glance_image("mgmt", "k8s", &properties);
    cloud.add_keypair(true, "op");
    cloud.add_keypair(false, "op");
    cloud.add_network("admin", "public", "203.0.113.0/24", true);
    cloud
}

fn spec() -> TemplateSpec {
    let spec = TemplateSpec::new("k8s", "public", "capi.node", "gp.mid");
    let cidr = ("fixed_subnet_cidr".to_owned(), "10.20.16.0/24".to_owned());
    TemplateSpec { labels: [cidr].into(), ..spec }
}

fn values() -> ClusterValues {
    ClusterValues {
        template: "t".into(),
        keypair: Some("op".into()),
        master_count: 1,
        node_count: 2,
        labels: [].into(),
    }
}

/// What is not asked is not passed.
#[tokio::test]
async fn without_a_pool_the_nodes_network_is_not_known() {
    let checked = Checked::new();
    let clients = PartialClients::default();
    let shape = omega_openstack::container_infra::ClusterShape::of_spec(&spec(), &values());
    let mut settings = settings("");
    settings.ranges.pool = None;
    let gates = ClusterPrerequisites::new(shape, settings);
    let job = check_prerequisites(&gates, &checked.clients(), &clients, "omega.toml");
    let home = tempfile::tempdir().unwrap();
    let report = Engine::new(Runs::new(home.path()), Context::default()).plan(&job).await;
    let all = Checked::findings_in(&report);
    let found = all.iter().find(|one| one.rule == "node-network").unwrap();
    assert_eq!(found.severity, Severity::Unknown, "{found:?}");
    assert!(found.remedy.as_ref().unwrap().contains("`pool` in [network]"), "{found:?}");
}

/// A service that answers need not be well: its amphorae say more, to who may list them.
#[tokio::test]
async fn octavia_is_judged_by_its_amphorae() {
    let octavia = async |checked: &Checked| {
        let found = checked.findings().await;
        found.into_iter().find(|one| one.rule == "octavia")
    };
    let checked = Checked::new();
    assert_eq!(octavia(&checked).await, None);
    checked.cloud.add_balancer("other", "a");
    checked.cloud.add_balancer("mgmt", "b");
    assert_eq!(octavia(&checked).await, None);
    checked.cloud.set_amphora_status("a", "ERROR");
    let found = octavia(&checked).await.unwrap();
    assert_eq!(found.severity, Severity::Warning, "{found:?}");
    assert!(found.summary.starts_with("1 of 2 amphorae "), "{found:?}");
    checked.cloud.set_amphora_status("b", "ERROR");
    let found = octavia(&checked).await.unwrap();
    assert_eq!(found.severity, Severity::Broken, "{found:?}");

    let member = Checked { admin: false, ..Checked::new() };
    member.cloud.add_role("load-balancer_member");
    let found = octavia(&member).await.unwrap();
    assert_eq!(found.severity, Severity::Unknown, "{found:?}");
    assert!(found.remedy.unwrap().contains("load-balancer_admin"));
}

fn settings(site: &str) -> PrerequisiteSettings {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("omega.toml");
    std::fs::write(&path, format!("[network]\npool = \"10.20.0.0/16\"\n{site}")).unwrap();
    PrerequisiteSettings::of(&crate::site::Site::read(&path).unwrap()).unwrap()
}

struct Checked {
    cloud: Cloud,
    spec: TemplateSpec,
    values: ClusterValues,
    site: &'static str,
    admin: bool,
}

impl Checked {
    fn new() -> Self {
        Self { cloud: cloud(), spec: spec(), values: values(), site: "", admin: true }
    }

    fn clients(&self) -> CloudClients {
        let login = || {
            if self.admin { self.cloud.admin("mgmt") } else { self.cloud.member("mgmt") }
        };
        CloudClients::over(login(), login(), "http://keystone.sim", || 0)
    }

    async fn report(&self) -> Report {
        let shape =
            omega_openstack::container_infra::ClusterShape::of_spec(&self.spec, &self.values);
        let gates = ClusterPrerequisites::new(shape, settings(self.site));
        let clients = PartialClients::default();
        let job = check_prerequisites(&gates, &self.clients(), &clients, "omega.toml");
        let home = tempfile::tempdir().unwrap();
        let report = Engine::new(Runs::new(home.path()), Context::default()).plan(&job).await;
        assert_eq!(self.cloud.writes(), [""; 0], "a check writes nothing");
        report
    }

    /// What was found, beside the version of Cluster API, which nobody can tell here.
    async fn findings(&self) -> Vec<Finding> {
        Self::findings_in(&self.report().await)
    }

    fn findings_in(report: &Report) -> Vec<Finding> {
        let value = serde_json::to_value(report).unwrap();
        let items = value["looked"][0]["sections"][0]["items"].as_array().unwrap().clone();
        let rules: Vec<_> = items.iter().map(|one| one["key"].as_str().unwrap()).collect();
        assert_eq!(rules, PREREQUISITE_RULES.map(|rule| rule.name));
        let found = items.iter().filter_map(|one| one["found"]["verdict"].get("fail").cloned());
        let found = found.map(|one| serde_json::from_value::<Finding>(one).unwrap());
        let found: Vec<_> = found.filter(|one| one.rule != "kubernetes-version").collect();
        let broken = found.iter().any(Finding::is_broken);
        assert_eq!(report.exit, if broken { Status::Gate } else { Status::Done });
        found
    }

    async fn told(&self) -> String {
        let line = |one: Finding| format!("{} {:?}: {}", one.rule, one.severity, one.summary);
        self.findings().await.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn a_cloud_with_everything_has_no_finding() {
    assert_eq!(Checked::new().told().await, "");
    // The evidence says where each number comes from.
    let report = Checked::new().report().await;
    let text = serde_json::to_string(&report).unwrap();
    for part in [
        "+3 (1 control plane, 2 workers), 0 of 10 used",
        "+8 (the machines' flavors), 0 of 20 used",
        "+11 (their rules)",
        "+6 (machines, router, DHCP, load balancers)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let mut checked = Checked::new();
    let cloud = &checked.cloud;
    cloud.add_flavor("tiny", 1, 512);
    cloud.remove_volume_types();
    cloud.remove_key_manager();
    cloud.limit("mgmt", "floatingip", 0);
    cloud.limit("mgmt", "instances", 2);
    cloud.limit("mgmt", "load_balancer", 0);
    cloud.limit("mgmt", "clusters", 0);
    cloud.limit("mgmt", "gigabytes", 30);
    checked.spec.flavor = "tiny".into();
    checked.spec.master_flavor = "gp.mit".into();
    checked.spec.external_network = "publik".into();
    checked.spec.labels.insert("boot_volume_size".into(), "20".into());
    checked.spec.labels.insert("fixed_subnet_cidr".into(), "172.20.0.0/24".into());
    checked.values.keypair = Some("ops".into());
    checked.site = "[trust]\ncert_manager = \"barbican\"\n";
    insta::assert_snapshot!(checked.told().await);
}

#[tokio::test]
async fn an_image_is_one_and_has_both_properties() {
    for (properties, wanted) in [
        (json!({ "os_distro": "ubuntu" }), "it has no property kube_version"),
        (json!({ "kube_version": "v1.34.8" }), "it has no property os_distro"),
        (
            json!({ "os_distro": "ubuntu", "kube_version": "1.34" }),
            "is not a valid version: \"1.34\"",
        ),
    ] {
        let mut checked = Checked::new();
        checked.cloud.add_glance_image("mgmt", "other", &properties);
        checked.spec.image = "other".into();
        let told = checked.told().await;
        assert!(told.starts_with("image-properties Broken") && told.contains(wanted), "{told}");
    }
    let mut checked = Checked::new();
    checked.spec.image = "absent".into();
    assert!(checked.told().await.contains("the project sees no image \"absent\""));
    let checked = Checked::new();
    checked.cloud.add_glance_image("mgmt", "k8s", &json!({ "os_distro": "ubuntu" }));
    assert!(checked.told().await.contains("2 images have the name \"k8s\""));
}

#[tokio::test]
async fn the_nodes_addresses_meet_nothing_that_they_need() {
    let of = async |cidr: &str, site: &'static str| {
        let mut checked = Checked::new();
        checked.cloud.add_network("mgmt", "capi-mgmt", "10.20.0.0/24", false);
        checked.cloud.add_network("elsewhere", "theirs", "10.20.7.0/24", false);
        checked.spec.labels.insert("fixed_subnet_cidr".into(), cidr.into());
        checked.site = site;
        format!("{cidr}: {}", checked.told().await)
    };
    let lines = [
        of("10.20.7.0/24", "").await, // another project's is no other range for it
        of("10.20.0.0/24", "").await,
        of("10.30.0.0/24", "").await,
        of("10.20.9.0/24", "ranges = [\"10.20.8.0/22\"]").await,
        of("203.0.113.128/25", "").await,
        of("10.20.16.1/24", "").await,
        of("10.20.16.1", "").await,
        of("all", "").await,
        of("10.20.16.0/24", "ranges = [\"172.16.0.0/24\"]").await,
    ];
    insta::assert_snapshot!(lines.join("\n"));

    // An existing subnet is not compared with itself.
    let mut checked = Checked::new();
    checked.cloud.add_network("mgmt", "nodes", "10.20.3.0/24", false);
    checked.spec.fixed_subnet = Some("nodes".into());
    assert_eq!(checked.told().await, "");
    checked.spec.fixed_subnet = Some("node".into());
    assert!(checked.told().await.contains("the project sees no subnet \"node\""));
}

#[tokio::test]
async fn what_a_login_may_not_read_is_not_known_and_names_the_role() {
    let checked = Checked { admin: false, ..Checked::new() };
    let found = checked.findings().await;
    let role = found.iter().find(|one| one.rule == "load-balancer-role").unwrap();
    assert_eq!(role.decision.as_deref(), Some("D-039"));
    for (rule, remedy) in [
        ("trustee-domain", "admin of the cloud"),
        ("quota-load-balancer", "load-balancer_member"),
        ("node-network", "log in as admin"),
    ] {
        let one = found.iter().find(|one| one.rule == rule).unwrap();
        assert_eq!(one.severity, Severity::Unknown, "{one:?}");
        assert!(one.remedy.as_ref().unwrap().contains(remedy), "{one:?}");
    }
    // With the role nothing is wrong with it.
    checked.cloud.add_role("load-balancer_member");
    assert!(!checked.told().await.contains("load-balancer-role"));

    // A restricted application credential can't make another one.
    let cloud = cloud();
    let (id, secret) = cloud.add_credential("mgmt");
    let login = || cloud.login("mgmt", &id, &secret);
    let clients = CloudClients::over(login(), login(), "http://keystone.sim", || 0);
    let shape = omega_openstack::container_infra::ClusterShape::of_spec(&spec(), &values());
    let gates = ClusterPrerequisites::new(shape, settings(""));
    let job = check_prerequisites(&gates, &clients, &PartialClients::default(), "omega.toml");
    let home = tempfile::tempdir().unwrap();
    let report = Engine::new(Runs::new(home.path()), Context::default()).plan(&job).await;
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("the restricted application credential"), "{text}");
    assert_eq!(report.exit, Status::Gate);
}

/// A service that is not in the catalog, or refuses all.
#[tokio::test]
async fn a_service_that_does_not_tell_is_never_a_pass() {
    let checked = Checked::new();
    checked.cloud.deny(Service::Compute);
    let found = checked.findings().await;
    let rules: Vec<_> = found.iter().map(|one| (one.rule.as_str(), one.severity)).collect();
    let unknown = Severity::Unknown;
    assert_eq!(
        rules,
        [("flavor-floor", unknown), ("keypair", unknown), ("quota-compute", unknown)]
    );
    let checked = Checked::new();
    checked.cloud.take_down(Service::Compute);
    assert_eq!(checked.report().await.exit, Status::Error);
    let checked = Checked::new();
    checked.cloud.remove_key_manager();
    let found = checked.findings().await;
    assert!(found[0].summary.contains("which no API tells"), "{found:?}");
    assert_eq!(found[0].severity, unknown);
}

async fn site(cloud: &Cloud) -> (std::sync::Arc<ClusterSite>, CloudClients) {
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    let template = CreateTemplate { name: "t".into(), spec: spec() };
    omega_core::ensure(&Context::default(), &magnum, &template).await.unwrap();
    let api = std::sync::Arc::new(omega_capi::Management::over(Apiserver::with_clusters(), "sim"));
    let login = || cloud.admin("mgmt");
    let clients = CloudClients::over(login(), login(), "http://keystone.sim", || 0);
    (std::sync::Arc::new(ClusterSite::new(cloud.admin("mgmt"), Some(api))), clients)
}

#[tokio::test(start_paused = true)]
async fn a_create_is_refused_before_anything_is_sent_and_a_cluster_that_exists_is_not_checked() {
    let cloud = cloud();
    let (site, clients) = site(&cloud).await;
    let wanted = EnsuredCluster::new("x", values());
    let (home, none) = (tempfile::tempdir().unwrap(), PartialClients::default());
    let runs = Runs::new(home.path());
    let run = async |accepted: &[&str]| {
        let accepted = accepted.iter().map(|rule| (*rule).to_owned()).collect();
        let gates = ClusterPrerequisites::before(&wanted, &site, &clients, settings(""), accepted);
        let gates = gates.await;
        let count = gates.len();
        let job = wanted.job_after(gates, &site, "omega.toml", &none);
        let engine = Engine::new(runs.clone(), Context::default());
        (engine.apply(&job, Approved::Now).await.unwrap(), count)
    };
    let before = cloud.writes().len();
    cloud.limit("mgmt", "floatingip", 0);
    cloud.remove_volume_types();
    let (report, count) = run(&[]).await;
    assert_eq!((report.exit, report.exit_code, count), (Status::Gate, 3, PREREQUISITE_RULES.len()));
    assert_eq!((report.run, cloud.writes().len()), (None, before), "nothing was sent");
    let text = serde_json::to_string(&report.looked).unwrap();
    assert!(text.contains("volume-type") && text.contains("floatingip needs 1 more"), "{text}");

    // What is accepted is reported; the cluster itself takes the last of the quota.
    cloud.limit("mgmt", "clusters", 1);
    let (report, _) = run(&["volume-type", "quota-network"]).await;
    assert_eq!(report.failure, None);
    assert_eq!((report.exit, report.recap.warned), (Status::Done, 2));
    let text = serde_json::to_string(&report.done).unwrap();
    assert!(text.contains("accepted by the operator"), "{text}");

    // It exists: no gate, whatever the quotas are.
    let (report, count) = run(&[]).await;
    assert_eq!((report.exit, count), (Status::Done, 0));
    assert_eq!(cloud.writes().len(), before + 1);
}
