use std::path::Path;

use omega_core::Severity;
use omega_openstack::{
    container_infra::{Cluster, ContainerInfra, CreateTemplate, TemplateSpec},
    sim::Cloud,
};
use serde_json::{Value, json};

use super::*;
use crate::clients::CloudClients;

const SITE: &str = "[network]\npool = \"10.20.0.0/16\"\n[driver]\nversion = \"1.4.0\"\n[chart]\nrepo = \"https://c.example\"\n\
                    version = \"0.25.1\"\n";

fn good(uuid: &str, name: &str, cidr: &str) -> Value {
    json!({
        "uuid": uuid, "name": name, "coe": "kubernetes", "server_type": "vm", "cluster_distro": "ubuntu",
        "network_driver": "calico", "image_id": "k8s", "external_network_id": "n", "flavor_id": "f",
        "master_flavor_id": "m", "dns_nameserver": "1.1.1.1", "labels": { "fixed_subnet_cidr": cidr },
        "master_lb_enabled": false, "floating_ip_enabled": true, "public": true, "docker_volume_size": null,
    })
}

/// The first of two templates has these fields in place of its own.
fn judged_with(fields: &Value, clusters: usize, images: &[(&str, Finding)]) -> Vec<LintFinding> {
    let mut first = good("u1", "one", "10.20.16.0/24");
    for (key, value) in fields.as_object().unwrap() {
        first[key] = value.clone();
    }
    let templates = [first, good("u2", "two", "10.20.17.0/24")];
    let seen = SeenTemplates {
        templates: templates.map(|one| serde_json::from_value(one).unwrap()).into(),
        clusters: (0..clusters).map(|nth| Cluster::new(nth.to_string(), "c", "u1")).collect(),
        images: images.iter().map(|(name, one)| ((*name).to_owned(), one.clone())).collect(),
    };
    let placed = PlacedSite::parse(Path::new("omega.toml"), SITE).unwrap();
    lint(&placed, &seen).findings
}

fn of(rule: &str, fields: &Value) -> Vec<Severity> {
    let found = judged_with(fields, 1, &[]).into_iter().filter(|one| one.finding.rule == rule);
    let of = |one: LintFinding| {
        // Of two that clash, the later one is found.
        let name = if rule == "tenant-overlap" { "two" } else { "one" };
        assert_eq!(one.finding.subject, Subject::new("template", name));
        assert_eq!(one.position, None);
        one.finding.severity
    };
    found.map(of).collect()
}

#[test]
fn each_rule_finds_its_fault_and_nothing_near_it() {
    let labels = |key: &str, value: &str| json!({ "labels": { "fixed_subnet_cidr": "10.20.16.0/24", key: value } });
    let nodes = |cidr: &str| json!({ "labels": { "fixed_subnet_cidr": cidr } });
    let (broken, warning, note) = (Severity::Broken, Severity::Warning, Severity::Note);
    let cases = [
        ("node-network", nodes("10.21.0.0/24"), broken, nodes("10.20.0.0/24")),
        (
            "default-nodes",
            json!({ "labels": {} }),
            warning,
            json!({ "labels": null, "fixed_subnet": "s" }),
        ),
        ("tenant-overlap", nodes("10.20.16.0/23"), warning, nodes("10.20.18.0/24")),
        (
            "resolver",
            json!({ "dns_nameserver": "8.8.8.8" }),
            warning,
            json!({ "dns_nameserver": "1.0.0.1" }),
        ),
        (
            "template-without-cni",
            json!({ "network_driver": "flannel" }),
            broken,
            json!({ "network_driver": "cilium" }),
        ),
        (
            "other-driver",
            json!({ "cluster_distro": "fedora-coreos" }),
            note,
            json!({ "cluster_distro": "flatcar" }),
        ),
        (
            "template-chart",
            labels("capi_helm_chart_version", "0.24.0"),
            note,
            labels("capi_helm_chart_version", "0.25.1"),
        ),
        (
            "keystone-auth",
            labels("keystone_auth_enabled", "True"),
            warning,
            labels("keystone_auth_enabled", "False"),
        ),
        ("ignored-label", labels("kube_tag", "v1"), note, labels("boot_volume_size", "40")),
        ("ignored-field", json!({ "master_lb_enabled": true }), note, json!({ "hidden": true })),
        (
            "ignored-field",
            json!({ "floating_ip_enabled": false }),
            note,
            json!({ "floating_ip_enabled": null }),
        ),
        (
            "ignored-field",
            json!({ "docker_storage_driver": "overlay2" }),
            note,
            json!({ "docker_storage_driver": null }),
        ),
        (
            "auto-healing",
            labels("auto_healing_enabled", "false"),
            warning,
            labels("auto_scaling_enabled", "false"),
        ),
    ];
    for (rule, fault, severity, near) in &cases {
        let found = of(rule, fault);
        assert_eq!(found, [*severity], "{rule}: {:#?}", judged_with(fault, 1, &[]));
        assert_eq!(of(rule, near), [], "{rule}");
    }
    for rule in rules().iter().filter(|rule| rule.id != "image-properties") {
        assert!(cases.iter().any(|(tested, ..)| *tested == rule.id), "{}", rule.id);
    }
    assert_eq!(judged_with(&json!({}), 1, &[]), [], "a clean one");
}

#[test]
fn a_template_without_a_network_driver_is_not_known_to_work() {
    assert_eq!(of("template-without-cni", &json!({ "network_driver": null })), [Severity::Unknown]);
}

#[test]
fn clusters_of_one_template_share_its_addresses() {
    let found = judged_with(&json!({}), 2, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].finding.summary.starts_with("2 clusters use it"), "{found:?}");
}

#[test]
fn two_of_one_name_are_told_apart() {
    let found = judged_with(&json!({ "name": "two", "network_driver": "flannel" }), 0, &[]);
    assert_eq!(found[0].finding.subject.name, "two (u1)");
}

fn clients(cloud: &Cloud, admin: bool) -> CloudClients {
    let login = || if admin { cloud.admin("mgmt") } else { cloud.member("mgmt") };
    CloudClients::over(login(), login(), "http://keystone.sim", || 0)
}

/// From the simulated cloud to the findings.
#[tokio::test]
async fn templates_are_read_with_their_images() {
    let cloud = Cloud::new();
    cloud.add_network("admin", "public", "203.0.113.0/24", true);
    for name in ["k8s", "plain"] {
        cloud.add_image(name, true);
    }
    let properties = json!({ "os_distro": "ubuntu", "kube_version": "v1.34.8" });
    cloud.add_glance_image("mgmt", "k8s", &properties);
    cloud.add_glance_image("mgmt", "plain", &json!({ "os_distro": "ubuntu" }));
    let clients = clients(&cloud, true);
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    for (name, image) in [("good", "k8s"), ("bad", "plain"), ("worse", "plain")] {
        let label = ("fixed_subnet_cidr".to_owned(), format!("10.20.{}.0/24", name.len()));
        let spec = TemplateSpec {
            labels: [label].into(),
            ..TemplateSpec::new(image, "public", "m1.medium", "m1.medium")
        };
        let create = CreateTemplate { name: name.to_owned(), spec };
        omega_core::ensure(&omega_core::Context::default(), &magnum, &create).await.unwrap();
    }
    let placed = PlacedSite::parse(Path::new("omega.toml"), SITE).unwrap();
    let found = async |name: Option<&str>| {
        let seen = read(&clients, name).await.unwrap();
        let found = lint(&placed, &seen).findings;
        found
            .into_iter()
            .map(|one| format!("{} {}", one.finding.subject, one.finding.rule))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(None).await,
        ["template bad image-properties", "template worse image-properties"]
    );
    assert_eq!(found(Some("good")).await, [""; 0]);
    let refused = read(&clients, Some("goof")).await.unwrap_err();
    assert_eq!(refused.next.as_deref(), Some("did you mean good?"));
    // An image that can't be asked for is not known to be right.
    cloud.take_down(omega_openstack::Service::Image);
    let seen = read(&clients, Some("good")).await.unwrap();
    let report = lint(&placed, &seen);
    assert_eq!(report.count(Severity::Unknown), 1, "{report:#?}");
}
