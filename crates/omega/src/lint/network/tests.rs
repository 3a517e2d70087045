use std::{collections::BTreeSet, path::Path};

use omega_core::Severity;

use super::*;

const SITE: &str = r#"[lint]
vip_networks = ["10.12.4.0/22", "10.12.8.0/22"]
allocation_pools = ["10.12.4.10-10.12.4.223"]

[network]
pool = "10.20.0.0/16"
ranges = ["10.12.0.0/16"]

[network.tenants]
capi-mgmt = "10.20.0.0/24"
project1 = "10.20.1.0/24"

[template.k8s]
image = "i"
external_network = "ext_net"
flavor = "f"
master_flavor = "m"
labels = { fixed_subnet_cidr = "10.20.16.0/24" }
"#;

const BUNDLE: &str = "default-base: ubuntu@22.04
applications:
  keystone:
    charm: keystone
    options:
      vip: 10.12.4.224 10.12.8.224
";

/// Octavia's network is of IPv6, and so are the link-local ones of routers no tenant's.
const LIVE: &str = r#"{
  "networks": [
    { "id": "n1", "name": "ext_net", "router:external": true, "subnets": ["s1"] },
    { "id": "n2", "name": "capi-mgmt", "subnets": ["s2"] },
    { "id": "n3", "name": "lb-mgmt-net", "tags": ["charm-octavia"], "subnets": ["s3"] },
    { "id": "n4", "name": "HA network tenant x", "subnets": ["s4"] }
  ],
  "subnets": [
    { "id": "s1", "name": "ext_subnet", "network_id": "n1", "cidr": "10.12.4.0/22",
      "allocation_pools": [{ "start": "10.12.4.10", "end": "10.12.4.223" }] },
    { "id": "s2", "name": "", "network_id": "n2", "cidr": "10.20.0.0/24",
      "host_routes": [{ "destination": "10.30.0.0/16", "nexthop": "10.20.0.1" }] },
    { "id": "s3", "name": "lb-mgmt-subnetv6", "network_id": "n3", "cidr": "fc00::/64", "tags": ["charm-octavia"] },
    { "id": "s4", "name": "HA subnet", "network_id": "n4", "cidr": "169.254.192.0/18" }
  ]
}"#;

type Changes<'a> = &'a [(&'a str, &'a str)];

/// The site file, the bundle and Neutron, with texts replaced.
struct World {
    site: String,
    bundle: String,
    live: String,
}

impl World {
    fn with(changes: Changes<'_>) -> Self {
        let mut texts = [SITE, BUNDLE, LIVE].map(str::to_owned);
        for (from, to) in changes {
            assert!(texts.iter().any(|text| text.contains(from)), "{from}");
            texts = texts.map(|text| text.replace(from, to));
        }
        let [site, bundle, live] = texts;
        Self { site, bundle, live }
    }

    fn judged(&self) -> (LintReport, AddressPlan) {
        let placed = PlacedSite::parse(Path::new("omega.toml"), &self.site).unwrap();
        let bundle = [SourceFile { name: "b.yaml".to_owned(), text: self.bundle.clone() }];
        let live: AddressInventory = serde_json::from_str(&self.live).unwrap();
        let sources = NetworkSources { site: &placed, bundle: &bundle, live: Some(&live) };
        lint(&sources, Charms::known()).unwrap()
    }

    fn of(&self, rule: &str) -> Vec<LintFinding> {
        let all = self.judged().0.findings;
        all.into_iter().filter(|one| one.finding.rule == rule).collect()
    }

    /// The lines that are marked.
    fn marked(&self) -> BTreeSet<(String, usize)> {
        let of = |name: &'static str, text: &str| {
            let lines = text.lines().enumerate().filter(|(_, line)| line.ends_with("# fault"));
            lines.map(|(nth, _)| (name.to_owned(), nth + 1)).collect::<Vec<_>>()
        };
        [of("omega.toml", &self.site), of("b.yaml", &self.bundle)].concat().into_iter().collect()
    }
}

/// A rule; what breaks it; what nearly does. A line of a file in which it is broken ends with `# fault`.
const CASES: [(&str, Changes<'_>, Changes<'_>); 13] = [
    (
        "pool-outside-network",
        &[("[\"10.12.4.10-10.12.4.223\"]", "[\"10.13.4.10-10.13.4.223\"] # fault")],
        &[("10.12.4.10-10.12.4.223", "10.12.4.1-10.12.7.254")],
    ),
    (
        "pool-differs",
        &[("\"end\": \"10.12.4.223\"", "\"end\": \"10.12.5.9\""), ("4.223\"]", "4.223\"] # fault")],
        &[
            (
                "[\"10.12.4.10-10.12.4.223\"]",
                "[\"10.12.4.10-10.12.4.99\", \"10.12.4.110-10.12.4.223\"]",
            ),
            (
                "[{ \"start\": \"10.12.4.10\", \"end\": \"10.12.4.223\" }]",
                "[{ \"start\": \"10.12.4.110\", \"end\": \"10.12.4.223\" }, { \"start\": \"10.12.4.10\", \"end\": \"10.12.4.99\" }]",
            ),
        ],
    ),
    (
        "vip-outside-network",
        &[("10.12.4.224 10.12.8.224", "10.12.4.224 10.12.12.1 # fault")],
        &[("10.12.4.224 10.12.8.224", "10.12.7.254 10.12.8.1")],
    ),
    (
        "range-overlap",
        &[("\"10.12.8.0/22\"]", "\"10.12.6.0/23\"] # fault")],
        &[("\"10.12.8.0/22\"]", "\"10.12.12.0/22\"]")],
    ),
    (
        "bad-range",
        &[("pool = \"10.20.0.0/16\"", "pool = \"10.20.0.1/16\" # fault")],
        &[("pool = \"10.20.0.0/16\"", "pool = \"10.20.0.0/15\"")],
    ),
    (
        "ipv4-only",
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"fd00:20::/64\" # fault")],
        &[("fc00::/64", "fc00:1::/64")],
    ),
    (
        "tenant-outside-pool",
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"10.21.1.0/24\" # fault")],
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"10.20.255.0/24\"")],
    ),
    (
        "tenant-overlap",
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"10.20.0.128/25\" # fault")],
        &[("\"cidr\": \"10.20.0.0/24\"", "\"cidr\": \"10.20.0.0/25\"")],
    ),
    (
        "tenant-convention",
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"10.20.4.0/23\" # fault")],
        &[("project1 = \"10.20.1.0/24\"", "project1 = \"10.20.4.0/24\"")],
    ),
    (
        "node-network",
        &[("\"10.20.16.0/24\" }", "\"10.30.0.0/24\" } # fault")],
        &[("\"10.20.16.0/24\" }", "\"10.20.17.0/24\" }")],
    ),
    (
        "default-nodes",
        &[("{ fixed_subnet_cidr = \"10.20.16.0/24\" }", "{} # fault")],
        &[("labels = { fixed_subnet_cidr = \"10.20.16.0/24\" }", "fixed_subnet = \"nodes\"")],
    ),
    (
        "chart-range",
        &[("\"10.12.8.0/22\"]", "\"172.20.0.0/22\"] # fault")],
        &[("\"10.12.8.0/22\"]", "\"172.32.0.0/22\"]")],
    ),
    (
        "host-route",
        &[("\"nexthop\": \"10.20.0.1\"", "\"nexthop\": \"10.20.1.1\"")],
        &[("\"nexthop\": \"10.20.0.1\"", "\"nexthop\": \"10.20.0.254\"")],
    ),
];

#[test]
fn each_rule_finds_its_fault_and_nothing_near_it() {
    for (rule, fault, near) in CASES {
        let world = World::with(fault);
        let found = world.of(rule);
        assert!(!found.is_empty(), "{rule}: nothing is found");
        let places = found.iter().filter_map(|one| one.position.as_ref());
        let places: BTreeSet<_> = places.map(|at| (at.file.clone(), at.line)).collect();
        assert_eq!(places, world.marked(), "{rule}: {found:#?}");
        let near = World::with(near).of(rule);
        assert_eq!(near, [], "{rule}");
    }
    let tested: Vec<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
    for (rule, _) in rules::ALL {
        assert!(tested.contains(&rule.id), "{}", rule.id);
    }
}

#[test]
fn a_clean_plan_has_no_finding() {
    assert_eq!(World::with(&[]).judged().0.findings, []);
}

#[test]
fn virtual_ips_are_compared_with_what_neutron_gives_out() {
    let world = World::with(&[
        ("\"end\": \"10.12.4.223\"", "\"end\": \"10.12.4.254\""),
        ("10.12.8.224", "10.12.8.224 # fault"),
    ]);
    let found = world.of("vip-in-pool");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].position.as_ref().unwrap().line, 6);
    assert!(found[0].finding.summary.contains("10.12.4.10-10.12.4.254"), "{found:?}");
}

#[test]
fn what_can_t_be_read_is_not_known() {
    // A member sees the external network, and not its subnet.
    let subnet = "    { \"id\": \"s1\", \"name\": \"ext_subnet\", \"network_id\": \"n1\", \"cidr\": \"10.12.4.0/22\",\n      \
                  \"allocation_pools\": [{ \"start\": \"10.12.4.10\", \"end\": \"10.12.4.223\" }] },\n";
    let found = World::with(&[(subnet, "")]).of("pool-differs");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].finding.severity, Severity::Unknown);
    let hidden = [("vip: 10.12.4.224 10.12.8.224", "vip: include-file://vips.txt")];
    let found = World::with(&hidden).of("vip-outside-network");
    assert_eq!(found[0].finding.severity, Severity::Unknown, "{found:?}");
}

#[test]
fn without_a_site_file_the_documents_say_what_is_right() {
    let placed = PlacedSite::unnamed().unwrap();
    let bundle = [SourceFile {
        name: "b.yaml".to_owned(),
        text: BUNDLE.replace("10.12.8.224", "10.99.0.1"),
    }];
    let sources = NetworkSources { site: &placed, bundle: &bundle, live: None };
    let (report, plan) = lint(&sources, Charms::known()).unwrap();
    let rules: Vec<&str> = report.findings.iter().map(|one| one.finding.rule.as_str()).collect();
    assert_eq!(rules, ["dual-vips", "vip-outside-network"]);
    assert!(report.findings[1].finding.summary.contains("provider, 10.12.4.0/22 (D-003, D-020)"));
    let pool = plan.ranges.iter().find(|range| range.kind == RangeKind::Pool).unwrap();
    assert_eq!(pool.to_string(), "tenants' pool, 10.20.0.0/16 (D-016)");
}

/// The picture was looked at in a browser: crates/omega/tests/address-plan.svg.
#[test]
fn a_plan_is_drawn() {
    let world = World::with(&[
        ("\"10.12.8.0/22\"]", "\"10.12.6.0/23\"]"),
        ("project1 = \"10.20.1.0/24\"", "\"a <b> & c\" = \"10.20.0.128/25\""),
        ("10.12.4.224 10.12.8.224", "10.12.4.224 10.12.4.20 10.99.0.1"),
    ]);
    let drawn = svg(&world.judged().1);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/address-plan.svg");
    assert!(drawn.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{drawn}");
    for never in ["<script", "href", "<b>", "url(http"] {
        assert!(!drawn.contains(never), "{never}");
    }
    assert_eq!(drawn, std::fs::read_to_string(golden).unwrap_or_default());
}

/// From the whole of IPv6 to one address, nothing leaves the picture.
#[test]
fn bars_stay_in_the_picture() {
    let mut plan = AddressPlan::default();
    for cidr in ["::/0", "2001:db8::1/128", "0.0.0.0/0", "255.255.255.255/32", "10.0.0.0/8"] {
        let origin = Origin::elsewhere("a test");
        plan.ranges.push(PlannedRange::new(
            RangeKind::Reserved,
            "r",
            cidr.parse().unwrap(),
            origin,
        ));
    }
    let drawn = svg(&plan);
    let number = |text: &str, key: &str| -> u64 {
        let after = text.split(&format!("{key}=\"")).nth(1).unwrap();
        after.split('"').next().unwrap().parse().unwrap()
    };
    let bars = drawn.split("<rect ").filter(|text| text.contains("stroke-width=\"0.5\"><title>"));
    let bars: Vec<_> = bars.map(|text| (number(text, "x"), number(text, "width"))).collect();
    assert_eq!(bars.len(), 5);
    for (x, width) in bars {
        assert!(x >= 400 && width >= 3 && x + width <= 980, "{x} {width}");
    }
}
