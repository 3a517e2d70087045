//! What both a real cloud and `sim::Cloud` must do: one source, run on either.
//!
//! Everything is asserted with raw requests, so that a client with the same mistake in both directions
//! does not pass. What is created has unique names and is removed; other objects must not change.

mod cloud_inventory;
mod credential;
mod orphans;

pub use cloud_inventory::cloud_inventory;
pub use credential::application_credential;
pub use orphans::cluster_orphans;

use std::sync::Arc;

use omega_core::{Context, Gate as _, Verdict, ensure, plan};
use serde_json::{Value, json};

use crate::{
    Method, Request, Response, Service, Transport,
    container_infra::{
        ClusterHealth, ClusterList, ContainerInfra, CreateTemplate, DeleteCluster, DeleteTemplate,
        MagnumResponds, Template, TemplateSpec, prove_template, temporary_name,
    },
    identity::{Identity, TrusteeDomain},
    network::{Flow, Network, SgRule, Traffic, ensure_sg_rule},
};

/// The groups that the contract creates.
const GROUP: &str = "omega contract & +/?";
const DECOY: &str = "omega contract & +/?-2";

/// All parts that need only a cloud with all services and its administrator in a project. `cloud`
/// returns a connection for each part, to the same cloud or to new ones.
///
/// # Panics
///
/// Panics if the contract is broken.
pub async fn all<F: Future<Output = Arc<dyn Transport>>>(cloud: impl Fn() -> F) {
    sg_rules(cloud().await).await;
    near_matches(cloud().await).await;
    group_names(cloud().await).await;
    refusals(cloud().await).await;
    trustee_domain(cloud().await).await;
}

/// Security group rules, in every spelling that Neutron treats as equal.
///
/// # Panics
///
/// Panics if the contract is broken.
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

/// One rule is created, found with another spelling, and removed.
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

/// Near matches are different rules: a rule is created beside each of them.
///
/// # Panics
///
/// Panics if the contract is broken.
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

/// A missing group is an error at once; two with the same name are refused.
///
/// # Panics
///
/// Panics if the contract is broken.
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

/// Neutron refuses with these messages.
///
/// # Panics
///
/// Panics if the contract is broken.
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

/// The trustee domain exists, and a domain with a similar name does not.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn trustee_domain(cloud: Arc<dyn Transport>) {
    let gate = TrusteeDomain::new(Identity::new(Arc::clone(&cloud)));
    for _ in 0..2 {
        let verdict = gate.check().await.expect("asked");
        assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    }
    for (domain, admin) in [("magnum2", "magnum_domain_admin"), ("magnum", "magnum_domain")] {
        let (domain, admin) = (domain.to_owned(), admin.to_owned());
        let verdict = TrusteeDomain { domain, admin, ..gate.clone() }.check().await;
        let Ok(Verdict::Fail(finding)) = &verdict else { unreachable_verdict(&verdict) };
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        assert!(remedy.contains("domain-setup"), "{remedy}");
    }
}

/// Magnum lists clusters, and creates and deletes a template.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn magnum(cloud: Arc<dyn Transport>, spec: TemplateSpec) {
    let magnum = ContainerInfra::new(Arc::clone(&cloud));
    let clusters = ClusterList::live(magnum.clone());
    let verdict = MagnumResponds { clusters: clusters.clone() }.check().await.expect("asked");
    assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    let only = vec!["omega-contract-absent".to_owned()];
    let verdict = ClusterHealth { clusters, only }.check().await;
    assert!(matches!(verdict, Ok(Verdict::Fail(_))), "{verdict:?}");

    let before = magnum.templates().await.expect("listed");
    let ctx = Context::default();
    let name = temporary_name("omega-contract", ctx.now());
    let proof = prove_template(&ctx, &magnum, &spec, &name).await.expect("proved");
    assert_eq!(proof.template.network_driver.as_deref(), Some("calico"));
    assert_eq!(proof.template.name, name);
    assert_eq!(magnum.templates().await.expect("listed"), before, "nothing is left behind");

    let create = CreateTemplate { name: name.clone(), spec: spec.clone() };
    assert!(ensure(&ctx, &magnum, &create).await.expect("created").changed());
    assert!(!ensure(&ctx, &magnum, &create).await.expect("found").changed());
    let decoy = CreateTemplate { name: format!("{name}-2"), spec: spec.clone() };
    ensure(&ctx, &magnum, &decoy).await.expect("created");
    let delete = DeleteTemplate::named(&name);
    assert!(ensure(&ctx, &magnum, &delete).await.expect("deleted").changed());
    assert!(!ensure(&ctx, &magnum, &delete).await.expect("gone").changed());
    let names = |all: &[Template]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert!(names(&magnum.templates().await.expect("listed")).contains(&decoy.name));
    ensure(&ctx, &magnum, &DeleteTemplate::named(&decoy.name)).await.expect("deleted");
    let gone = DeleteCluster::named("omega-contract-absent");
    assert!(!ensure(&ctx, &magnum, &gone).await.expect("not there").changed());

    let absent = TemplateSpec { image: "omega-contract-absent".to_owned(), ..spec };
    let error = prove_template(&ctx, &magnum, &absent, &name).await.expect_err("no such image");
    assert!(
        error.next.as_deref().is_some_and(|next| next.contains("check the image's name")),
        "{error:?}"
    );
    assert_eq!(magnum.templates().await.expect("listed"), before, "nothing is left behind");
}

#[expect(clippy::panic, reason = "a contract is a test")]
fn unreachable_verdict(verdict: &Result<Verdict, omega_core::Failure>) -> ! {
    panic!("not a refusal with a remedy: {verdict:?}")
}

#[expect(clippy::expect_used, reason = "a contract is a test")]
async fn send(cloud: &Arc<dyn Transport>, request: Request) -> Response {
    cloud.send(request).await.expect("an answer")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Cloud;

    fn sim() -> Arc<dyn Transport> {
        let cloud = Cloud::new();
        cloud.domain_setup();
        cloud.add_domain("magnum3", true);
        cloud.add_image("k8s", true);
        cloud.add_group("another", GROUP);
        cloud.admin("admin")
    }

    #[tokio::test]
    async fn the_simulator_keeps_the_contract() {
        all(async || sim()).await;
        let spec = TemplateSpec {
            image: "k8s".into(),
            external_network: "public".into(),
            flavor: "m1.medium".into(),
            master_flavor: "m1.medium".into(),
            network_driver: crate::container_infra::NetworkDriver::Calico,
            dns_nameserver: None,
            labels: std::collections::BTreeMap::new(),
        };
        magnum(sim(), spec).await;
    }
}
