//! What Neutron and its simulator must both do with rules.

use std::sync::Arc;

use omega_core::{Context, plan};
use serde_json::{Value, json};

use crate::{
    Method, Request, Response, Service, Transport,
    contract::send,
    network::{Flow, Network, SgRule, Traffic, ensure_sg_rule},
};

/// The groups that the contract makes.
const GROUP: &str = "omega contract & +/?";
const DECOY: &str = "omega contract & +/?-2";

/// Security group rules, in every spelling that Neutron folds.
///
/// # Panics
///
/// Panics at what is not kept.
pub async fn sg_rules(cloud: Arc<dyn Transport>) {
    let group = make_group(&cloud, GROUP).await;
    let decoy = make_group(&cloud, DECOY).await;
    let network = Network::new(Arc::clone(&cloud));
    let before = (rules(&cloud, &group).await, rules(&cloud, &decoy).await);
    for (flow, other_spelling) in flows() {
        let rule = SgRule::ingress(GROUP, flow);
        once(&cloud, &network, &group, &rule, other_spelling).await;
    }
    let after = (rules(&cloud, &group).await, rules(&cloud, &decoy).await);
    assert_eq!(after, before, "what was made is gone, and nothing else was touched");
    remove_group(&cloud, &group).await;
    remove_group(&cloud, &decoy).await;
}

/// One rule comes, is found again under another spelling, and goes.
#[expect(clippy::expect_used, reason = "a contract is a test")]
async fn once(
    cloud: &Arc<dyn Transport>,
    network: &Network,
    group: &str,
    rule: &SgRule,
    other_spelling: Value,
) {
    let ctx = Context::default();
    let before = rules(cloud, group).await;
    assert!(ensure_sg_rule(&ctx, network, rule).await.expect("made").changed(), "{rule}");
    assert_eq!(rules(cloud, group).await.len(), before.len() + 1, "{rule}: one more");
    assert!(!ensure_sg_rule(&ctx, network, rule).await.expect("found").changed(), "{rule}");

    let answer = post_rule(cloud, group, other_spelling.clone()).await;
    assert_eq!(kind(&answer), (409, "SecurityGroupRuleExists".to_owned()), "{other_spelling}");
    let absent = rule.clone().absent();
    assert!(ensure_sg_rule(&ctx, network, &absent).await.expect("removed").changed(), "{rule}");
    assert_eq!(rules(cloud, group).await, before, "{rule}: as before");

    let answer = post_rule(cloud, group, other_spelling.clone()).await;
    assert_eq!(answer.status, 201, "{other_spelling}: {}", answer.body);
    let found = ensure_sg_rule(&ctx, network, rule).await.expect("found in another spelling");
    assert!(!found.changed(), "{rule} is {other_spelling}");
    ensure_sg_rule(&ctx, network, &absent).await.expect("removed in another spelling");
    assert_eq!(rules(cloud, group).await, before, "{rule}: as before");
}

/// Flows, and other ways to write the same rule.
#[expect(clippy::expect_used, reason = "a contract is a test")]
fn flows() -> Vec<(Flow, Value)> {
    let flow = |protocol: &str, ports: Option<&str>, peer: &str| {
        let protocol = protocol.parse().expect("a protocol");
        let traffic = match ports {
            Some(ports) => Traffic::Ports(protocol, ports.parse().expect("ports")),
            None => Traffic::Whole(protocol),
        };
        Flow::new(traffic, peer.parse().expect("a prefix")).expect("a flow")
    };
    let rule = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    vec![
        (
            flow("tcp", Some("6443"), "10.20.0.0/16"),
            rule(
                r#"{"protocol":"6","port_range_min":6443,"port_range_max":6443,"remote_ip_prefix":"10.20.0.0/16","description":"another"}"#,
            ),
        ),
        (
            flow("tcp", Some("6443"), "10.12.4.76"),
            rule(
                r#"{"protocol":"TCP","port_range_min":6443,"port_range_max":6443,"remote_ip_prefix":"10.12.4.76/32"}"#,
            ),
        ),
        (
            flow("tcp", Some("443"), "0.0.0.0/0"),
            rule(r#"{"protocol":"tcp","port_range_min":443,"port_range_max":443}"#),
        ),
        (
            flow("udp", Some("1-65535"), "10.0.0.5/24"),
            rule(r#"{"protocol":"udp","remote_ip_prefix":"10.0.0.5/24"}"#),
        ),
        (
            flow("icmp", None, "2001:DB8::/32"),
            rule(r#"{"protocol":"icmpv6","ethertype":"ipv6","remote_ip_prefix":"2001:db8::/32"}"#),
        ),
        (flow("icmpv6", None, "::/0"), rule(r#"{"protocol":"58","ethertype":"IPv6"}"#)),
        (flow("any", None, "10.20.0.0/16"), rule(r#"{"remote_ip_prefix":"10.20.0.0/16"}"#)),
        (
            flow("112", None, "10.20.0.0/16"),
            rule(r#"{"protocol":"vrrp","remote_ip_prefix":"10.20.0.0/16"}"#),
        ),
        (
            Flow::new(Traffic::Icmp(8, Some(0)), "10.20.0.0/16".parse().expect("a prefix"))
                .expect("a flow"),
            rule(
                r#"{"protocol":"1","port_range_min":8,"port_range_max":0,"remote_ip_prefix":"10.20.0.0/16"}"#,
            ),
        ),
    ]
}

/// Near matches are other rules: a rule is made beside each of them.
///
/// # Panics
///
/// Panics at what is not kept.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn near_matches(cloud: Arc<dyn Transport>) {
    let group = make_group(&cloud, GROUP).await;
    let (ctx, network) = (Context::default(), Network::new(Arc::clone(&cloud)));
    for decoy in [
        json!({ "direction": "egress", "protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443, "remote_ip_prefix": "10.20.0.0/16" }),
        json!({ "protocol": "udp", "port_range_min": 6443, "port_range_max": 6443, "remote_ip_prefix": "10.20.0.0/16" }),
        json!({ "protocol": "tcp", "port_range_min": 6442, "port_range_max": 6443, "remote_ip_prefix": "10.20.0.0/16" }),
        json!({ "protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443, "remote_ip_prefix": "10.20.0.1/16" }),
        json!({ "protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443, "remote_group_id": group }),
        json!({ "protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443, "ethertype": "IPv6" }),
        json!({ "protocol": "tcp", "remote_ip_prefix": "10.20.0.0/16" }),
    ] {
        let answer = post_rule(&cloud, &group, decoy.clone()).await;
        assert_eq!(answer.status, 201, "{decoy}: {}", answer.body);
    }
    let before = rules(&cloud, &group).await;
    let flow = Flow::tcp("6443".parse().expect("ports"), "10.20.0.0/16".parse().expect("a prefix"));
    let rule = SgRule::ingress(GROUP, flow);
    assert!(ensure_sg_rule(&ctx, &network, &rule).await.expect("made").changed());
    assert_eq!(rules(&cloud, &group).await.len(), before.len() + 1);
    ensure_sg_rule(&ctx, &network, &rule.absent()).await.expect("removed");
    assert_eq!(rules(&cloud, &group).await, before, "the near matches stay");
    remove_group(&cloud, &group).await;
}

/// A group that is absent is an error at once; two of one name are refused.
///
/// # Panics
///
/// Panics at what is not kept.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn group_names(cloud: Arc<dyn Transport>) {
    let (ctx, network) = (Context::default(), Network::new(Arc::clone(&cloud)));
    let flow = Flow::tcp("6443".parse().expect("ports"), "10.20.0.0/16".parse().expect("a prefix"));
    let rule = SgRule::ingress(GROUP, flow);
    let decoy = make_group(&cloud, DECOY).await;
    let absent = plan(&network, &rule).await.expect_err("no such group");
    assert!(
        omega_core::chain(&absent).join(": ").contains("there is no security group"),
        "{absent:?}"
    );
    let gone =
        ensure_sg_rule(&ctx, &network, &rule.clone().absent()).await.expect("no group, no rule");
    assert!(!gone.changed());
    let pair = (make_group(&cloud, GROUP).await, make_group(&cloud, GROUP).await);
    let refused = ensure_sg_rule(&ctx, &network, &rule).await.expect_err("two groups");
    assert!(omega_core::chain(&refused).join(": ").contains("2 security groups have the name"));
    for group in [&decoy, &pair.0, &pair.1] {
        assert_eq!(rules(&cloud, group).await.len(), 2, "nothing was written");
        remove_group(&cloud, group).await;
    }
}

/// Neutron says no in these words.
///
/// # Panics
///
/// Panics at what is not kept.
pub async fn refusals(cloud: Arc<dyn Transport>) {
    let group = make_group(&cloud, GROUP).await;
    for (rule, status, reason) in [
        (json!({ "protocol": "any" }), 400, "SecurityGroupRuleInvalidProtocol"),
        (
            json!({ "protocol": "tcp", "port_range_min": 9, "port_range_max": 8 }),
            400,
            "SecurityGroupInvalidPortRange",
        ),
        (
            json!({ "protocol": "tcp", "port_range_min": 0, "port_range_max": 8 }),
            400,
            "SecurityGroupInvalidPortValue",
        ),
        (json!({ "protocol": "tcp", "port_range_min": 8 }), 400, "SecurityGroupInvalidPortRange"),
        (
            json!({ "port_range_min": 8, "port_range_max": 8 }),
            400,
            "SecurityGroupProtocolRequiredWithPorts",
        ),
        (
            json!({ "protocol": "vrrp", "port_range_min": 8, "port_range_max": 8 }),
            400,
            "SecurityGroupInvalidProtocolForPort",
        ),
        (json!({ "protocol": "icmpv6" }), 400, "SecurityGroupEthertypeConflictWithProtocol"),
        (
            json!({ "protocol": "tcp", "remote_ip_prefix": "2001:db8::/32" }),
            400,
            "SecurityGroupRuleParameterConflict",
        ),
        (json!({ "protocol": "tcp", "remote_ip_prefix": "10.0.0.0/33" }), 400, "InvalidCIDR"),
        (
            json!({ "protocol": "tcp", "remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group }),
            400,
            "SecurityGroupMultipleRemoteEntites",
        ),
        (json!({ "direction": "sideways" }), 400, "HTTPBadRequest"),
    ] {
        let answer = post_rule(&cloud, &group, rule.clone()).await;
        assert_eq!(kind(&answer), (status, reason.to_owned()), "{rule}");
    }
    let nowhere = "00000000-0000-4000-8000-ffffffffffff";
    let answer = post_rule(&cloud, nowhere, json!({ "protocol": "tcp" })).await;
    assert_eq!(kind(&answer), (404, "SecurityGroupNotFound".to_owned()));
    let path = ["security-group-rules", nowhere];
    let answer = send(&cloud, Request::new(Service::Network, Method::Delete, &path)).await;
    assert_eq!(kind(&answer), (404, "SecurityGroupRuleNotFound".to_owned()));
    remove_group(&cloud, &group).await;
}

async fn post_rule(cloud: &Arc<dyn Transport>, group: &str, rule: Value) -> Response {
    let mut rule = rule;
    rule["security_group_id"] = json!(group);
    if rule["direction"].is_null() {
        rule["direction"] = json!("ingress");
    }
    let request = Request::new(Service::Network, Method::Post, &["security-group-rules"])
        .body(json!({ "security_group_rule": rule }));
    send(cloud, request).await
}

fn kind(answer: &Response) -> (u16, String) {
    let kind = answer.body["NeutronError"]["type"].as_str();
    (answer.status, kind.unwrap_or_default().to_owned())
}

async fn make_group(cloud: &Arc<dyn Transport>, name: &str) -> String {
    let request = Request::new(Service::Network, Method::Post, &["security-groups"])
        .body(json!({ "security_group": { "name": name } }));
    let answer = send(cloud, request).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["security_group"]["id"].as_str().unwrap_or_default().to_owned()
}

async fn remove_group(cloud: &Arc<dyn Transport>, id: &str) {
    let path = ["security-groups", id];
    let answer = send(cloud, Request::new(Service::Network, Method::Delete, &path)).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

/// Returns the ids of the group's rules, sorted.
async fn rules(cloud: &Arc<dyn Transport>, group: &str) -> Vec<String> {
    let request = Request::new(Service::Network, Method::Get, &["security-groups"]);
    let answer = send(cloud, request).await;
    let groups = answer.body["security_groups"].as_array().cloned().unwrap_or_default();
    let group = groups.iter().find(|known| known["id"] == *group).cloned().unwrap_or_default();
    let rules = group["security_group_rules"].as_array().cloned().unwrap_or_default();
    let ids = rules.iter().filter_map(|rule| rule["id"].as_str());
    let mut ids: Vec<_> = ids.map(str::to_owned).collect();
    ids.sort();
    ids
}
