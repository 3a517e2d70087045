use std::{collections::BTreeSet, path::Path};

use super::*;

const SITE: &str = r#"[management]
kubeconfig = "k"
server = "capi-mgmt-v2"

[driver]
version = "1.4.0"

[helm]
version = "3.17.3"
file = "helm"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

[chart]
repo = "https://azimuth-cloud.github.io/capi-helm-charts"
version = "0.25.1"

[capi_helm]
minimum_flavor_ram = "4096"

[compute]
reserved_host_memory = 8192
resume_guests = true

[lint]
resume_guests = true
clustered = ["keystone"]

[lint.channels]
hacluster = ["2.4/stable"]

[template.k8s]
image = "i"
external_network = "n"
flavor = "f"
master_flavor = "m"
dns_nameserver = "1.1.1.1,1.0.0.1"
labels = { fixed_subnet_cidr = "10.20.16.0/24" }

[acceptance]
core = ["identity"]
cluster = "c1"
tenant = { ssh = "ubuntu@10.20.3.4" }
vault = ["https://10.12.8.11:8200"]
hypervisor = [{ domains = ["a"] }]
"#;

type Changes<'a> = &'a [(&'a str, &'a str)];

const LABELS: &str = "\"10.20.16.0/24\" }";
const RAM: &str = "minimum_flavor_ram = \"4096\"";

/// A rule; what breaks it; what nearly does. A line in which it is broken ends with `# fault`.
const CASES: [(&str, Changes<'_>, Changes<'_>); 20] = [
    (
        "unknown-name",
        &[("hacluster = [\"2.4/stable\"]", "haclustr = [\"2.4/stable\"] # fault")],
        &[("[\"keystone\"]", "[\"glance\"]")],
    ),
    (
        "acceptance-settings",
        &[
            ("vault = [\"https://10.12.8.11:8200\"]\n", ""),
            ("[acceptance]", "[acceptance] # fault"),
        ],
        &[("cluster = \"c1\"", "create_cluster = { template = \"k8s\" }")],
    ),
    (
        "resolver",
        &[("\"1.1.1.1,1.0.0.1\"", "\"8.8.8.8,1.1.1.1\" # fault")],
        &[("1.1.1.1,1.0.0.1", "1.0.0.1")],
    ),
    (
        "no-designate",
        &[("[\"identity\"]", "[\"identity\", \"dns\"] # fault")],
        &[("[\"identity\"]", "[\"image\"]")],
    ),
    (
        "keystone-auth",
        &[(LABELS, "\"10.20.16.0/24\", keystone_auth_enabled = true } # fault")],
        &[(LABELS, "\"10.20.16.0/24\", keystone_auth_enabled = false }")],
    ),
    (
        "ignored-label",
        &[(LABELS, "\"10.20.16.0/24\", kube_tag = \"v1.34.8\" } # fault")],
        &[(LABELS, "\"10.20.16.0/24\", boot_volume_size = 40 }")],
    ),
    (
        "ignored-field",
        &[("flavor = \"f\"\n", "flavor = \"f\"\ndocker_volume_size = 3 # fault\n")],
        &[("flavor = \"f\"\n", "flavor = \"f\"\npublic = true\n")],
    ),
    (
        "auto-healing",
        &[(LABELS, "\"10.20.16.0/24\", auto_healing_enabled = false } # fault")],
        &[(LABELS, "\"10.20.16.0/24\", auto_scaling_enabled = false }")],
    ),
    ("untested-version", &[("\"3.17.3\"", "\"3.18.0\" # fault")], &[("\"3.17.3\"", "\"v3.17.3\"")]),
    (
        "management-server",
        &[("server = \"capi-mgmt-v2\"\n", ""), ("[management]", "[management] # fault")],
        &[("capi-mgmt-v2", "another")],
    ),
    ("reserved-host-memory", &[("= 8192", "= 4096 # fault")], &[("= 8192", "= 16384")]),
    (
        "resume-guests",
        &[("8192\nresume_guests = true", "8192\nresume_guests = false # fault")],
        &[
            ("[lint]\nresume_guests = true\n", "[lint]\n"),
            ("resume_guests = true", "resume_guests = false"),
        ],
    ),
    ("unknown-chart", &[("\"0.25.1\"", "\"0.99.0\" # fault")], &[("\"0.25.1\"", "\"0.24.0\"")]),
    ("unknown-driver", &[("\"1.4.0\"", "\"2.0.0\" # fault")], &[("\"1.4.0\"", "\"1.3.0\"")]),
    ("unserved-read", &[("\"1.4.0\"", "\"1.3.0\" # fault")], &[("\"0.25.1\"", "\"0.24.0\"")]),
    (
        "unreadable-override",
        &[(RAM, "api_resources = \"{\" # fault")],
        &[(RAM, "api_resources = \"{}\"")],
    ),
    (
        "moved-read",
        &[(
            RAM,
            "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta2\"}}' # fault",
        )],
        &[(
            RAM,
            "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta1\"}}'",
        )],
    ),
    (
        "ignored-override",
        &[(
            RAM,
            "api_resources = '{\"Clusters\": {\"api_version\": \"cluster.x-k8s.io/v1beta1\"}}' # fault",
        )],
        &[(
            RAM,
            "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta1\"}}'",
        )],
    ),
    (
        "template-chart",
        &[(LABELS, "\"10.20.16.0/24\", capi_helm_chart_version = \"0.24.0\" } # fault")],
        &[(LABELS, "\"10.20.16.0/24\", capi_helm_chart_version = \"0.25.1\" }")],
    ),
    (
        "needless-override",
        &[(
            RAM,
            "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta1\"}}' # fault",
        )],
        &[(
            RAM,
            "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta2\"}}'",
        )],
    ),
];

fn with(changes: Changes<'_>) -> String {
    changes.iter().fold(SITE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn judged(text: &str) -> Vec<LintFinding> {
    let placed = PlacedSite::parse(Path::new("omega.toml"), text);
    let placed = placed.unwrap_or_else(|error| panic!("{error}\n{text}"));
    lint(&placed, Charms::known()).findings
}

fn lines(rule: &str, text: &str) -> BTreeSet<usize> {
    let found = judged(text).into_iter().filter(|one| one.finding.rule == rule);
    found.map(|one| one.position.unwrap().line).collect()
}

#[test]
fn each_rule_finds_its_fault_and_nothing_near_it() {
    for (rule, fault, near) in CASES {
        let text = with(fault);
        let marked = text.lines().enumerate().filter(|(_, line)| line.ends_with("# fault"));
        let marked: BTreeSet<usize> = marked.map(|(nth, _)| nth + 1).collect();
        assert!(!marked.is_empty(), "{rule}: no line is marked");
        assert_eq!(lines(rule, &text), marked, "{rule}: {:#?}", judged(&text));
        assert_eq!(lines(rule, &with(near)), BTreeSet::new(), "{rule}");
    }
    let tested: Vec<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
    let own = rules::ALL.iter().flat_map(|(rules, _)| rules.iter());
    for rule in own.filter(|rule| rule.id != "unsafe-delete") {
        assert!(tested.contains(&rule.id), "{}", rule.id);
    }
}

#[test]
fn a_clean_site_has_no_finding() {
    assert_eq!(judged(SITE), []);
}

#[test]
fn a_delete_that_would_do_nothing_is_an_error() {
    let api =
        "api_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1alpha3\"}}' # fault";
    assert_eq!(lines("unsafe-delete", &with(&[(RAM, api)])).len(), 1);
    assert_eq!(lines("unsafe-delete", SITE).len(), 0);
}

#[test]
fn the_address_plan_is_checked_as_far_as_the_site_file_has_it() {
    let text = format!("{SITE}\n[network]\npool = \"10.12.0.0/16\"\n");
    let rules: BTreeSet<String> = judged(&text).into_iter().map(|one| one.finding.rule).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["node-network", "range-overlap"]);
}

/// Whoever reads a report finds each rule of it in the list.
#[test]
fn every_finding_is_of_a_listed_rule() {
    let known: Vec<&str> = rules().iter().map(|rule| rule.id).collect();
    for (_, fault, near) in CASES {
        for text in [with(fault), with(near)] {
            for found in judged(&text) {
                assert!(known.contains(&found.finding.rule.as_str()), "{found:?}");
                assert!(found.position.is_some(), "{found:?}");
            }
        }
    }
    assert_eq!(known.len(), known.iter().collect::<BTreeSet<_>>().len(), "each is there once");
}

#[test]
fn an_empty_site_file_is_no_fault() {
    let found = judged("[cloud]\nname = \"c\"\n");
    let rules: BTreeSet<_> = found.into_iter().map(|one| one.finding.rule).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["acceptance-settings"]);
}
