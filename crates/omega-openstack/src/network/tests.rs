//! `ensure_sg_rule` on the simulator: the laws, the wire, the errors.

use omega_core::{
    Context, Delta, Describe as _, Desired as _, Failure, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{wire::Spec, *};
use crate::sim::Cloud;

struct Sim {
    cloud: Cloud,
    network: Network,
}

impl World for Sim {
    type Target = Network;
    type Snapshot = Vec<(String, String, Vec<String>)>;

    fn target(&self) -> &Network {
        &self.network
    }
    fn snapshot(&self) -> Self::Snapshot {
        self.cloud.groups()
    }
    fn writes(&self) -> usize {
        self.cloud.writes().len()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(nth, fault);
    }
}

/// A world always has decoys: the group of another project, and one of nearly the name.
fn world(groups: &[(String, Vec<Value>)]) -> Sim {
    let cloud = Cloud::new();
    for (project, name) in [("other", "web"), ("mgmt", "web-2"), ("mgmt", "we")] {
        let id = cloud.add_group(project, name);
        cloud.add_rule(&id, json!({ "direction": "ingress", "protocol": "tcp", "port_range_min": 1, "port_range_max": 1, "remote_ip_prefix": "10.0.0.0/8" }));
    }
    for (name, rules) in groups {
        let id = cloud.add_group("mgmt", name);
        for rule in rules {
            let mut rule = rule.clone();
            if rule["remote_group_id"] == "SELF" {
                rule["remote_group_id"] = json!(id);
            }
            cloud.add_rule(&id, rule);
        }
    }
    // Pages of two: a group may be on the second.
    cloud.page_size(2);
    Sim { network: Network::new(cloud.admin("mgmt")), cloud }
}

/// Few values on purpose: rules must collide often.
fn any_flow() -> impl Strategy<Value = Flow> {
    let traffic = prop_oneof![
        Just(Traffic::Whole(Protocol::Any)),
        Just(Traffic::Whole(Protocol::TCP)),
        Just(Traffic::Whole(Protocol::ICMP)),
        Just(Traffic::Icmp(8, None)),
        Just(Traffic::Ports(Protocol::TCP, Ports::one(1).unwrap())),
        Just(Traffic::Ports(Protocol::TCP, Ports::range(1, 2).unwrap())),
        Just(Traffic::Ports(Protocol::UDP, Ports::one(1).unwrap())),
        Just(Traffic::Ports(Protocol::TCP, Ports::ALL)),
    ];
    let peers = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.1", "::/0", "2001:db8::/32"];
    let peer = prop::sample::select(peers.map(|peer| peer.parse::<Cidr>().unwrap()).to_vec());
    (traffic, peer).prop_map(|(traffic, peer)| Flow::new(traffic, peer).unwrap())
}

fn any_rule() -> impl Strategy<Value = SgRule> {
    let direction = prop_oneof![Just(Direction::Ingress), Just(Direction::Egress)];
    let presence = prop_oneof![Just(Presence::Present), Just(Presence::Absent)];
    let group = prop_oneof![4 => Just("web".to_owned()), 1 => Just("absent".to_owned())];
    let description = prop_oneof![Just(String::new()), Just("by hand".to_owned())];
    (group, direction, any_flow(), presence, description).prop_map(
        |(group, direction, flow, presence, description)| SgRule {
            group,
            direction,
            flow,
            presence,
            description,
        },
    )
}

/// Rules as others may have written them, near matches among them.
fn any_wire_rule() -> impl Strategy<Value = Value> {
    let text =
        |texts: &[&str]| prop::sample::select(texts.iter().map(|t| json!(t)).collect::<Vec<_>>());
    let direction = text(&["ingress", "egress"]);
    let protocol = prop_oneof![
        text(&["tcp", "6", "TCP", "udp", "icmp", "1", "icmpv6", "94"]),
        Just(Value::Null)
    ];
    let ports = prop::sample::select(vec![
        (Value::Null, Value::Null),
        (json!(1), json!(1)),
        (json!(1), json!(2)),
        (json!(1), json!(65535)),
        (json!(8), Value::Null),
    ]);
    let remote = prop::sample::select(vec![
        json!({}),
        json!({ "remote_ip_prefix": "0.0.0.0/0" }),
        json!({ "remote_ip_prefix": "10.0.0.0/8" }),
        json!({ "remote_ip_prefix": "10.0.0.1" }),
        json!({ "remote_ip_prefix": "2001:DB8::/32", "ethertype": "IPv6" }),
        json!({ "ethertype": "ipv6" }),
        json!({ "remote_group_id": "SELF" }),
        json!({ "remote_address_group_id": "11111111-1111-4111-8111-111111111111" }),
    ]);
    let description = text(&["", "kept"]);
    (direction, protocol, ports, remote, description).prop_map(
        |(direction, protocol, (min, max), mut rule, description)| {
            rule["direction"] = direction;
            rule["protocol"] = protocol;
            rule["port_range_min"] = min;
            rule["port_range_max"] = max;
            rule["description"] = description;
            rule
        },
    )
}

fn any_world() -> impl Strategy<Value = Vec<(String, Vec<Value>)>> {
    let group = || {
        let name = prop_oneof![8 => Just("web".to_owned()), 1 => Just("absent-2".to_owned())];
        (name, prop::collection::vec(any_wire_rule(), 0..5))
    };
    // With no group of the name, or two, most is refused.
    prop_oneof![
        1 => prop::collection::vec(group(), 0..3),
        2 => prop::collection::vec(group(), 1),
    ]
}

/// Returns whether the rule that was listed is the one that is meant, in any spelling: said once
/// more, without the client's types.
fn is_it(rule: &SgRule, listed: &Value) -> bool {
    let ipv6 = rule.flow.peer().to_string().contains(':');
    let (protocol, ports) = match rule.flow.traffic() {
        Traffic::Whole(protocol) => (protocol.to_string(), (Value::Null, Value::Null)),
        Traffic::Ports(protocol, ports) => {
            let (first, last) = ports.bounds();
            (protocol.to_string(), (json!(first), json!(last)))
        }
        Traffic::Icmp(kind, code) => {
            let name = if ipv6 { "ipv6-icmp" } else { "icmp" };
            (name.to_owned(), (json!(kind), json!(code)))
        }
    };
    let spellings: &[&str] = match protocol.as_str() {
        "tcp" => &["tcp", "6"],
        "udp" => &["udp", "17"],
        "icmp" => &["icmp", "1"],
        "ipv6-icmp" => &["ipv6-icmp", "58"],
        _ => &[],
    };
    let spelling = &listed["protocol"];
    let any = spelling.is_null() && protocol == "any";
    let spelled = any || spellings.iter().any(|name| *spelling == **name);
    let peer = rule.flow.peer().to_string();
    let everywhere = peer == "0.0.0.0/0" || peer == "::/0";
    spelled
        && listed["direction"] == format!("{:?}", rule.direction).to_lowercase()
        && listed["ethertype"] == if ipv6 { "IPv6" } else { "IPv4" }
        && (listed["port_range_min"].clone(), listed["port_range_max"].clone()) == ports
        && listed["remote_ip_prefix"] == if everywhere { Value::Null } else { json!(peer) }
        && listed["remote_group_id"].is_null()
        && listed["remote_address_group_id"].is_null()
}

fn has_rule(rule: &SgRule, groups: &[(String, String, Vec<String>)]) -> bool {
    let named = groups.iter().filter(|(project, name, _)| project == "mgmt" && *name == rule.group);
    let mut rules = named.flat_map(|(_, _, rules)| rules);
    rules.any(|text| is_it(rule, &serde_json::from_str(text).unwrap()))
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

static RULES: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    proptest!(|(groups in any_world(), rule in any_rule())| {
        let wanted = rule.presence == Presence::Present;
        let holds = |seen: &Vec<_>| has_rule(&rule, seen) == wanted;
        let laws = check_laws(|| world(&groups), &rule, Undo::Exact, holds);
        RULES.count(paused().block_on(laws));
    });
    RULES.assert_meaningful("ensure_sg_rule");
}

/// A rule in one of the spellings that Neutron keeps, with a description.
fn any_spelling() -> impl Strategy<Value = (SgRule, Option<(bool, String)>)> {
    let description = prop_oneof![Just(String::new()), Just("kept".to_owned())];
    (any_rule(), prop::option::weighted(0.7, (any::<bool>(), description)))
}

static RESTORED: Tally = Tally::new();

#[test]
fn restoring_rules_obeys_the_laws() {
    proptest!(|(groups in any_world(), (rule, was) in any_spelling())| {
        let mut spec = Spec::from(&rule);
        let numbers = [("tcp", "6"), ("udp", "17"), ("icmp", "1"), ("ipv6-icmp", "58")];
        let number = |name: &str| numbers.iter().find(|(n, _)| *n == name).map(|(_, n)| *n);
        if let (Some((true, _)), Some(name)) = (&was, &spec.protocol) {
            spec.protocol = number(name).map(str::to_owned);
        }
        let protocol = json!(spec.protocol);
        let rules = was.iter().map(|(_, about)| wire::Rule {
            id: "gone".into(),
            description: Some(about.clone()),
            spec: spec.clone(),
        });
        let group = wire::Group {
            id: "g".into(), name: rule.group.clone(), project_id: None, rules: rules.collect(),
        };
        let before = SgRuleObserved::new(vec![group]);
        let desired = RestoreSgRules::new(&rule.group, Spec::from(&rule), &before);
        let holds = |seen: &Vec<(String, String, Vec<String>)>| {
            let ours = seen.iter().filter(|(p, name, _)| p == "mgmt" && *name == rule.group);
            let rules = ours.flat_map(|(_, _, rules)| rules);
            let rules = rules.map(|text| serde_json::from_str::<Value>(text).unwrap());
            let rules: Vec<_> = rules.filter(|listed| is_it(&rule, listed)).collect();
            match &was {
                None => rules.is_empty(),
                Some((_, about)) => {
                    let about = if about.is_empty() { Value::Null } else { json!(about) };
                    rules.len() == 1
                        && rules[0]["protocol"] == protocol
                        && rules[0]["description"] == about
                }
            }
        };
        let laws = check_laws(|| world(&groups), &desired, Undo::Exact, holds);
        RESTORED.count(paused().block_on(laws));
    });
    RESTORED.assert_meaningful("restoring security group rules");
}

/// What Neutron keeps of every port is no range, so a rule is spelled as it was without one.
#[tokio::test(start_paused = true)]
async fn undo_brings_the_rule_back_as_neutron_had_it() {
    let kept = json!({
        "direction": "ingress", "protocol": "6", "port_range_min": 1, "port_range_max": 65535,
        "remote_ip_prefix": "10.0.0.1", "description": "by hand",
    });
    let sim = world(&[("web".to_owned(), vec![kept])]);
    let before = sim.snapshot();
    let flow = Flow::new(Traffic::Whole(Protocol::TCP), "10.0.0.1".parse().unwrap()).unwrap();
    let absent = SgRule::ingress("web", flow).absent();
    let undo = plan(sim.target(), &absent).await.unwrap().undo().unwrap();
    assert_eq!(undo.key(), absent.key());
    assert!(ensure_sg_rule(&ctx(), sim.target(), &absent).await.unwrap().changed());
    assert_ne!(sim.snapshot(), before);
    let stored: RestoreSgRules =
        serde_json::from_value(serde_json::to_value(undo).unwrap()).unwrap();
    omega_core::ensure(&ctx(), sim.target(), &stored).await.unwrap();
    assert_eq!(sim.snapshot(), before);
}

/// An older Neutron took rules that the newer one calls the same: all of them go, one comes back,
/// and one that is still there is let be.
#[test]
fn of_several_equal_rules_one_comes_back() {
    let rule = |id: &str, protocol: &str| wire::Rule {
        id: id.into(),
        description: None,
        spec: Spec { protocol: Some(protocol.into()), ..Spec::from(&api()) },
    };
    let seen = |rules: Vec<wire::Rule>| {
        let (id, name) = ("g".to_owned(), "web".to_owned());
        SgRuleObserved::new(vec![wire::Group { id, name, project_id: None, rules }])
    };
    let shown = |delta: Delta<SgRuleChange>| match &delta {
        Delta::Changes(changes) => {
            changes.iter().map(|c| c.describe().to_string()).collect::<Vec<_>>().join("\n")
        }
        Delta::Satisfied | Delta::Wait(_) | Delta::Blocked { .. } => format!("{delta:?}"),
    };
    let both = seen(vec![rule("one", "6"), rule("two", "tcp")]);
    let absent = api().absent();
    insta::assert_snapshot!(shown(absent.diff(&both).unwrap()), @"
    - rule web: 6 6443 from 10.20.0.0/16: was rule one
    - rule web: tcp 6443 from 10.20.0.0/16: was rule two
    ");
    let undo = absent.undo(&both).unwrap();
    insta::assert_snapshot!(shown(undo.diff(&seen(vec![])).unwrap()), @"+ rule web: 6 6443 from 10.20.0.0/16: new in security group g");
    assert_eq!(shown(undo.diff(&seen(vec![rule("two", "tcp")])).unwrap()), "Satisfied");
    assert_eq!(shown(undo.diff(&both).unwrap()), "Satisfied", "what was there stays");
    let other = wire::Rule { description: Some("another".into()), ..rule("new", "6") };
    insta::assert_snapshot!(shown(undo.diff(&seen(vec![other])).unwrap()), @"
    - rule web: 6 6443 from 10.20.0.0/16: was rule new
    + rule web: 6 6443 from 10.20.0.0/16: new in security group g
    ");
}

fn ctx() -> Context {
    Context::default()
}

fn api() -> SgRule {
    SgRule::ingress("web", Flow::tcp("6443".parse().unwrap(), "10.20.0.0/16".parse().unwrap()))
}

fn web() -> Sim {
    world(&[("web".to_owned(), vec![])])
}

#[tokio::test]
async fn shows_the_exact_change_and_makes_none() {
    let sim = web();
    let plan = plan(sim.target(), &api()).await.unwrap();
    let Delta::Changes(changes) = plan.delta() else { panic!("{:?}", plan.delta()) };
    insta::assert_snapshot!(changes[0].describe(), @"+ rule web: tcp 6443 from 10.20.0.0/16: new in security group 00000000-0000-4000-8000-000000000012");
    assert_eq!(sim.cloud.writes(), Vec::<String>::new());
}

/// Every kind of rule once, as it is sent. The laws cannot see a mapping that is wrong both ways;
/// these lines were read against the API reference.
#[tokio::test]
async fn every_kind_of_rule_as_it_is_sent() {
    let sim = web();
    let flow = |traffic, peer: &str| Flow::new(traffic, peer.parse().unwrap()).unwrap();
    let ports = |text: &str| text.parse().unwrap();
    let whole = |text: &str| Traffic::Whole(text.parse().unwrap());
    for (direction, flow) in [
        (Direction::Ingress, flow(Traffic::Ports(Protocol::TCP, ports("6443")), "10.12.4.76")),
        (Direction::Egress, flow(Traffic::Ports(Protocol::UDP, ports("8000-8080")), "10.0.0.5/24")),
        (Direction::Ingress, flow(Traffic::Ports(Protocol::TCP, Ports::ALL), "0.0.0.0/0")),
        (Direction::Ingress, flow(whole("any"), "10.20.0.0/16")),
        (Direction::Ingress, flow(whole("112"), "10.20.0.0/16")),
        (Direction::Ingress, flow(whole("94"), "10.20.0.0/16")),
        (Direction::Ingress, flow(whole("icmp"), "10.20.0.0/16")),
        (Direction::Ingress, flow(Traffic::Icmp(8, Some(0)), "10.20.0.0/16")),
        (Direction::Ingress, flow(Traffic::Icmp(128, None), "2001:db8::/32")),
        (Direction::Ingress, flow(whole("icmp"), "2001:DB8::/32")),
        (Direction::Ingress, flow(whole("any"), "::/0")),
    ] {
        let rule = SgRule { direction, ..SgRule::ingress("web", flow) };
        ensure_sg_rule(&ctx(), sim.target(), &rule).await.unwrap();
    }
    let field = |rule: &Value, key: &str| match &rule[key] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            rule[key].to_string()
        }
    };
    let lines = sim.cloud.writes().into_iter().map(|write| {
        let (request, body) = write.split_once(" {").unwrap();
        assert_eq!(request, "POST network /v2.0/security-group-rules");
        let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
        let rule = &body["security_group_rule"];
        let keys = [
            "direction",
            "ethertype",
            "protocol",
            "port_range_min",
            "port_range_max",
            "remote_ip_prefix",
            "remote_group_id",
        ];
        keys.map(|key| format!("{:<10}", field(rule, key))).concat().trim_end().to_owned()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    ingress   IPv4      tcp       6443      6443      10.12.4.76/32-
    egress    IPv4      udp       8000      8080      10.0.0.5/24-
    ingress   IPv4      tcp       -         -         0.0.0.0/0 -
    ingress   IPv4      -         -         -         10.20.0.0/16-
    ingress   IPv4      vrrp      -         -         10.20.0.0/16-
    ingress   IPv4      94        -         -         10.20.0.0/16-
    ingress   IPv4      icmp      -         -         10.20.0.0/16-
    ingress   IPv4      icmp      8         0         10.20.0.0/16-
    ingress   IPv6      ipv6-icmp 128       -         2001:db8::/32-
    ingress   IPv6      ipv6-icmp -         -         2001:db8::/32-
    ingress   IPv6      -         -         -         ::/0      -
    ");
}

#[tokio::test]
async fn the_lookup_is_scoped_and_escaped() {
    let sim = world(&[("a&name=b /?#%".to_owned(), vec![])]);
    let rule = SgRule { group: "a&name=b /?#%".into(), ..api() };
    assert!(ensure_sg_rule(&ctx(), sim.target(), &rule).await.unwrap().changed());
    let elsewhere = SgRule { group: "nowhere".into(), ..api() };
    sim.cloud.add_group("other", "nowhere");
    let failure =
        Failure::from(ensure_sg_rule(&ctx(), sim.target(), &elsewhere).await.unwrap_err());
    insta::assert_snapshot!(failure, @r#"refused to change rule nowhere: tcp 6443 from 10.20.0.0/16 on cloud rehearsal, project mgmt: there is no security group "nowhere""#);
    insta::assert_snapshot!(failure.next.unwrap(), @"create it, or correct the name (openstack security group list)");
}

#[tokio::test]
async fn a_verification_reads_a_group_once() {
    let sim = web();
    let port = |port: &str| SgRule {
        flow: Flow::tcp(port.parse().unwrap(), "10.20.0.0/16".parse().unwrap()),
        ..api()
    };
    let all = ["22", "80", "443"].map(port);
    let read = async |network: &Network| {
        let before = sim.cloud.requests();
        let plans = all.iter().map(|rule| plan(network, rule));
        for plan in futures::future::join_all(plans).await {
            assert!(matches!(plan.unwrap().delta(), Delta::Changes(_)));
        }
        sim.cloud.requests() - before
    };
    assert_eq!(read(sim.target()).await, 3);
    assert_eq!(read(&sim.target().caching()).await, 1);
    ensure_sg_rule(&ctx(), sim.target(), &all[0]).await.unwrap();
    let fresh = plan(&sim.target().caching(), &all[0]).await.unwrap();
    assert!(matches!(fresh.delta(), Delta::Satisfied), "each has its own");
}

#[tokio::test]
async fn refuses_an_ambiguous_name() {
    let sim = world(&[("web".to_owned(), vec![]), ("web".to_owned(), vec![])]);
    let failure = Failure::from(ensure_sg_rule(&ctx(), sim.target(), &api()).await.unwrap_err());
    insta::assert_snapshot!(failure, @r#"refused to change rule web: tcp 6443 from 10.20.0.0/16 on cloud rehearsal, project mgmt: 2 security groups have the name "web""#);
    assert_eq!(failure.class, omega_core::FailureClass::Refused);
}

#[tokio::test]
async fn over_quota_is_an_error_in_neutrons_words() {
    let sim = web();
    sim.cloud.rule_quota(0);
    let failure = Failure::from(ensure_sg_rule(&ctx(), sim.target(), &api()).await.unwrap_err());
    insta::assert_snapshot!(failure, @"could not change rule web: tcp 6443 from 10.20.0.0/16 on cloud rehearsal, project mgmt (+ rule web: tcp 6443 from 10.20.0.0/16: new in security group 00000000-0000-4000-8000-000000000012): POST network /v2.0/security-group-rules: 409 OverQuota: Quota exceeded for resources: ['security_group_rule']. (req-00000000-0000-4000-8000-000000000002)");
    assert_eq!(failure.touched, omega_core::Touched::Nothing);
    insta::assert_snapshot!(failure.next.unwrap(), @"raise the project's quota (openstack quota show, quota set) or remove what is unused");
}

#[tokio::test]
async fn forbidden_says_who_can() {
    let sim = web();
    sim.cloud.deny(crate::Service::Network);
    let failure = Failure::from(ensure_sg_rule(&ctx(), sim.target(), &api()).await.unwrap_err());
    insta::assert_snapshot!(format!("{failure}\nnext: {}", failure.next.as_deref().unwrap()), @r"
    could not read rule web: tcp 6443 from 10.20.0.0/16 on cloud rehearsal, project mgmt: GET network /v2.0/security-groups: 403 PolicyNotAuthorized: (rule:create_network and rule:create_network:router:external) is disallowed by policy (req-00000000-0000-4000-8000-000000000001)
    next: use a user with a role that permits it on this scope (the service's policy refused it)
    ");
}

#[tokio::test]
async fn a_lost_race_is_looked_at_again() {
    let sim = web();
    let planned = plan(sim.target(), &api()).await.unwrap();
    let Delta::Changes(changes) = planned.delta() else { panic!() };
    ensure_sg_rule(&ctx(), sim.target(), &api()).await.unwrap();
    api()
        .apply(&ctx(), sim.target(), &changes[0])
        .await
        .expect("409 SecurityGroupRuleExists: look again");
    let (gone, delete) = {
        let absent = api().absent();
        let planned = plan(sim.target(), &absent).await.unwrap();
        let Delta::Changes(changes) = planned.delta().clone() else { panic!() };
        (absent, changes)
    };
    ensure_sg_rule(&ctx(), sim.target(), &gone).await.unwrap();
    gone.apply(&ctx(), sim.target(), &delete[0]).await.expect("404 of the rule: look again");
}

#[test]
fn a_stored_rule_is_read_back_and_checked() {
    let text = serde_json::to_string(&api()).unwrap();
    insta::assert_snapshot!(text, @r#"{"group":"web","direction":"ingress","flow":{"traffic":{"ports":["tcp","6443"]},"peer":"10.20.0.0/16"},"presence":"present","description":""}"#);
    let wrong = text.replace("10.20.0.0/16", "10.20.0.0/33");
    assert!(serde_json::from_str::<SgRule>(&wrong).is_err());
    let wrong = text.replace("\"tcp\"", "\"vrrp\"");
    assert!(serde_json::from_str::<SgRule>(&wrong).is_err(), "vrrp has no ports");
    assert!(Flow::new(Traffic::Whole(Protocol::ICMPV6), "10.0.0.0/8".parse().unwrap()).is_err());
}

#[tokio::test]
async fn host_bits_are_pointed_out() {
    let sim = web();
    let flow = Flow::tcp("80".parse().unwrap(), "10.0.0.5/24".parse().unwrap());
    let rule = SgRule::ingress("web", flow);
    let seen = rule.observe(sim.target()).await.unwrap();
    insta::assert_snapshot!(rule.notes(&seen, ctx().now())[0].text, @"10.0.0.5/24 has host bits: Neutron filters 10.0.0.0/24, but takes 10.0.0.5/24 and 10.0.0.0/24 for two rules");
    assert!(api().notes(&seen, ctx().now()).is_empty());
}

#[tokio::test]
async fn the_address_plan_has_what_the_project_can_use() {
    let cloud = Cloud::new();
    cloud.add_network("admin", "provider-ext", "10.12.4.0/22", true);
    cloud.add_network("mgmt", "nodes", "10.20.0.0/24", false);
    cloud.add_network("other", "decoy", "10.20.9.0/24", false);
    let neutron = Network::new(cloud.admin("mgmt"));
    let project = neutron.project_id().await.unwrap();
    let AddressInventory { networks, subnets } =
        neutron.address_inventory().await.unwrap().of_project(&project);
    let names: Vec<_> = networks.iter().map(|one| (one.name.as_str(), one.external)).collect();
    assert_eq!(names, [("nodes", false), ("provider-ext", true)]);
    let ranges: Vec<_> = subnets.iter().map(|one| one.cidr.to_string()).collect();
    assert_eq!(ranges, ["10.20.0.0/24", "10.12.4.0/22"]);
    assert!(!subnets[0].allocation_pools.is_empty(), "as Neutron lists them: {subnets:?}");
}
