//! The simulator against what Neutron answered, request by request.

use serde_json::{Value, json};

use super::Cloud;
use crate::{Method, Request, Response, Service};

/// The rules of record.py in its order, each with what Neutron answered.
macro_rules! rules {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../recordings/neutron-rule-", $name, ".json")))),*]
    };
}

const RULES: [(&str, &str); 37] = rules![
    "tcp-port", "tcp-port-again", "tcp-by-number", "upper-case", "bare-address", "one-address",
    "no-prefix", "everywhere", "all-ports", "no-ports", "host-bits", "no-host-bits",
    "unknown-number", "ipv6-icmp", "ipv6-icmpv6", "ipv6-icmp-number", "ipv6-everywhere",
    "ipv6-no-prefix", "icmp-type-code", "icmp-type", "any-protocol", "egress", "remote-group",
    "name-any", "reversed-ports", "port-zero", "one-port-missing", "port-too-high",
    "ports-without-protocol", "ports-of-vrrp", "icmpv6-in-ipv4", "family-mixed", "no-cidr",
    "icmp-code-alone", "icmp-type-too-high", "group-and-prefix", "sideways",
];

/// Takes out what is a new one each time.
fn lasting(mut answer: Value, ids: &mut Vec<String>) -> Value {
    if let Some(rule) = answer.get_mut("security_group_rule").and_then(Value::as_object_mut) {
        ids.extend(rule.get("id").and_then(Value::as_str).map(str::to_owned));
        for key in ["id", "created_at", "updated_at", "project_id", "tenant_id", "security_group_id"] {
            rule.remove(key);
        }
        // The group itself, whose id is another one here.
        if rule["remote_group_id"].is_string() {
            rule["remote_group_id"] = json!("SELF");
        }
    }
    if let Some(Value::String(words)) = answer.pointer_mut("/NeutronError/message") {
        for (index, id) in ids.iter().enumerate() {
            *words = words.replace(id, &format!("rule {index}"));
        }
    }
    answer
}

#[tokio::test]
async fn replays_what_neutron_answered() {
    let cloud = Cloud::new();
    let group = cloud.add_group("omega-rec-a", "web");
    let member = cloud.member("omega-rec-a");
    let (mut real_ids, mut sim_ids) = (Vec::new(), Vec::new());
    for (name, text) in RULES {
        let exchange: Value = serde_json::from_str(text).unwrap();
        let mut rule = exchange["request"]["body"]["security_group_rule"].clone();
        if rule["remote_group_id"].is_string() {
            rule["remote_group_id"] = json!(group);
        }
        rule["security_group_id"] = json!(group);
        let request = Request::new(Service::Network, Method::Post, &["security-group-rules"])
            .body(json!({ "security_group_rule": rule }));
        let Response { status, body, .. } = member.send(request).await.unwrap();
        assert_eq!(u64::from(status), exchange["response"]["status"], "{name}: {body}");
        let real = lasting(exchange["response"]["body"].clone(), &mut real_ids);
        assert_eq!(lasting(body, &mut sim_ids), real, "{name}");
    }
}

#[tokio::test]
async fn a_member_sees_and_touches_its_own_project_only() {
    let cloud = Cloud::new();
    let (web, foreign) = (cloud.add_group("a", "web"), cloud.add_group("b", "web"));
    let member = cloud.member("a");
    let list = Request::new(Service::Network, Method::Get, &["security-groups"]);
    let groups = member.send(list.clone()).await.unwrap().body["security_groups"].take();
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert_eq!(groups[0]["id"], *web);
    let all = cloud.admin("a").send(list).await.unwrap().body["security_groups"].take();
    assert_eq!(all.as_array().unwrap().len(), 2, "an administrator sees both");
    let rule = json!({ "direction": "ingress", "security_group_id": foreign });
    let request = Request::new(Service::Network, Method::Post, &["security-group-rules"])
        .body(json!({ "security_group_rule": rule }));
    assert_eq!(member.send(request).await.unwrap().status, 404);
    let id = cloud.rules(&foreign)[0]["id"].as_str().unwrap().to_owned();
    let path = ["security-group-rules", id.as_str()];
    let request = Request::new(Service::Network, Method::Delete, &path);
    assert_eq!(member.send(request).await.unwrap().status, 404);
    assert_eq!(cloud.rules(&foreign).len(), 2);
}
