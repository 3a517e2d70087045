//! Neutron's security groups, with its validation, normalisation and errors.
//!
//! Written from the recordings, without the client's types, so that a test of the client against it
//! is meaningful. `replays_what_neutron_answered` compares it with the recordings.

use std::{net::IpAddr, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::{
    recorded::{Recorded, recorded},
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// A security group; its rules are as Neutron lists them.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) project: String,
    pub(super) rules: Vec<Map<String, Value>>,
}

type Rule = Map<String, Value>;

impl State {
    pub(super) fn neutron(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["security-groups"]) => Some(self.list_groups(who, request)),
            (Method::Post, ["security-group-rules"]) => {
                let rule = request.json()?.get("security_group_rule")?.as_object()?;
                Some(self.create_rule(who, rule).unwrap_or_else(|refused| refused))
            }
            (Method::Delete, ["security-group-rules", id]) => Some(self.delete_rule(who, id)),
            (Method::Post, ["security-groups"]) => {
                let name = request.json()?.pointer("/security_group/name")?.as_str()?;
                let id = self.new_group(&who.project, name);
                let about = request.json()?.pointer("/security_group/description");
                if let (Some(made), Some(Value::String(about))) = (self.groups.last_mut(), about) {
                    made.description.clone_from(about);
                }
                let group = self.groups.iter().find(|group| group.id == id).map(show);
                let body = json!({ "security_group": group });
                Some(Response::new(201, body))
            }
            (Method::Delete, ["security-groups", id]) => Some(self.delete_group(who, id)),
            _ => self.neutron_parts(who, request),
        }
    }

    fn list_groups(&self, who: &Who, request: &Request) -> Response {
        let filter = |key: &str| {
            request.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        let mut groups: Vec<&Group> = self.groups.iter().collect();
        groups.retain(|group| who.admin || group.project == who.project);
        groups.retain(|group| filter("name").is_none_or(|name| group.name == name));
        groups.retain(|group| filter("project_id").is_none_or(|id| group.project == id));
        groups.retain(|group| filter("id").is_none_or(|id| group.id == id));
        let after = filter("marker").and_then(|id| groups.iter().position(|g| g.id == id));
        let rest = groups.split_off(after.map_or(0, |index| index + 1));
        let page: Vec<_> = rest.iter().take(self.page).map(|group| show(group)).collect();
        let mut body = json!({ "security_groups": page });
        if let Some(last) = rest.get(self.page.saturating_sub(1)) {
            // As Neutron writes it, with a host that only the cloud knows.
            let mut url = url::form_urlencoded::Serializer::new(String::new());
            url.extend_pairs(request.query.iter().filter(|(key, _)| key != "marker"));
            url.append_pair("limit", &self.page.to_string()).append_pair("marker", &last.id);
            let href =
                format!("http://neutron.internal:9696/v2.0/security-groups?{}", url.finish());
            body["security_groups_links"] = json!([{ "rel": "next", "href": href }]);
        }
        Response::new(recorded!("neutron-groups-none-200").status, body)
    }

    fn create_rule(&mut self, who: &Who, asked: &Rule) -> Result<Response, Response> {
        let mut rule = converted(asked)?;
        let total: usize =
            self.groups.iter().filter(|g| g.project == who.project).map(|g| g.rules.len()).sum();
        if self.rule_quota.is_some_and(|quota| total >= quota) {
            return Err(recorded!("neutron-rule-over-quota-409").unchanged());
        }
        canonical(&mut rule);
        validate(&rule, asked)?;
        let group_id = text(&rule, "security_group_id").unwrap_or_default();
        let (id, number) = (self.id(), self.serial());
        let visible = |group: &&mut Group| {
            group.id == group_id && (who.admin || group.project == who.project)
        };
        let Some(group) = self.groups.iter_mut().find(visible) else {
            let recorded = recorded!("neutron-rule-in-absent-group");
            let was = recorded.asked("/body/security_group_rule/security_group_id");
            return Err(recorded.about(&was, &group_id));
        };
        if let Some(same) = group.rules.iter().find(|other| key(other) == key(&rule)) {
            let was = &recorded!("neutron-rule-tcp-port").body["security_group_rule"]["id"];
            let (was, is) = (was.as_str().unwrap_or_default(), text(same, "id"));
            let is = is.unwrap_or_default();
            return Err(recorded!("neutron-rule-tcp-port-again").about(was, &is));
        }
        let created = recorded!("neutron-rule-tcp-port");
        let mut full = created.body["security_group_rule"].as_object().cloned().unwrap_or_default();
        full.extend(rule);
        let normalized = text(&full, "remote_ip_prefix").map(|prefix| network(&prefix));
        full.insert("normalized_cidr".into(), json!(normalized));
        full.insert("id".into(), json!(id));
        full.insert("project_id".into(), json!(group.project));
        full.insert("tenant_id".into(), json!(group.project));
        let answer = json!({ "security_group_rule": full });
        full.insert("standard_attr_id".into(), json!(number));
        full.insert("tags".into(), json!([]));
        group.rules.push(full);
        Ok(Response::new(created.status, answer))
    }

    fn delete_rule(&mut self, who: &Who, id: &str) -> Response {
        let is = |rule: &Rule| text(rule, "id").as_deref() == Some(id);
        let group = self.groups.iter_mut().find(|group| group.rules.iter().any(is));
        match group {
            Some(group) if who.admin || group.project == who.project => {
                group.rules.retain(|rule| !is(rule));
                recorded!("neutron-rule-delete-204").unchanged()
            }
            Some(_) => recorded!("neutron-rule-delete-foreign").unchanged(),
            None => recorded!("neutron-rule-delete-404").at(id),
        }
    }

    fn delete_group(&mut self, who: &Who, id: &str) -> Response {
        let mine = |group: &Group| group.id == id && (who.admin || group.project == who.project);
        if !self.groups.iter().any(mine) {
            return recorded!("neutron-security-groups-delete-404").at(id);
        }
        if self.ports().any(|port| {
            port["security_groups"].as_array().is_some_and(|all| all.contains(&json!(id)))
        }) {
            return recorded!("neutron-security-groups-delete-in-use").at(id);
        }
        self.groups.retain(|group| !mine(group));
        recorded!("neutron-security-groups-delete-204").unchanged()
    }

    /// Creates a group with Neutron's two default rules.
    pub(super) fn new_group(&mut self, project: &str, name: &str) -> String {
        let fresh = recorded!("neutron-groups-fresh-200");
        let rules = fresh.body["security_groups"][0]["security_group_rules"].as_array().cloned();
        let id = self.id();
        let mut rules: Vec<_> =
            rules.unwrap_or_default().into_iter().filter_map(|r| r.as_object().cloned()).collect();
        for rule in &mut rules {
            rule.insert("id".into(), json!(self.id()));
            rule.insert("security_group_id".into(), json!(id));
            rule.insert("project_id".into(), json!(project));
            rule.insert("tenant_id".into(), json!(project));
        }
        let (name, project, description) = (name.to_owned(), project.to_owned(), String::new());
        self.groups.push(Group { id: id.clone(), name, description, project, rules });
        id
    }
}

fn show(group: &Group) -> Value {
    let fresh = recorded!("neutron-groups-fresh-200");
    let mut shown = fresh.body["security_groups"][0].clone();
    shown["id"] = json!(group.id);
    shown["name"] = json!(group.name);
    shown["description"] = json!(group.description);
    shown["project_id"] = json!(group.project);
    shown["tenant_id"] = json!(group.project);
    shown["security_group_rules"] = json!(group.rules);
    shown
}

fn text(rule: &Rule, key: &str) -> Option<String> {
    rule.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn number(rule: &Rule, key: &str) -> Option<i64> {
    rule.get(key).and_then(Value::as_i64)
}

/// Returns the refusal that was recorded, about another value.
fn refuse(recorded: &Recorded, field: &str, rule: &Rule) -> Response {
    let was = recorded.asked(&format!("/body/security_group_rule/{field}"));
    let is = match rule.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    recorded.about(&was, &is)
}

/// Converts the attributes one by one, before any of them is compared with another.
fn converted(asked: &Rule) -> Result<Rule, Response> {
    if !matches!(text(asked, "direction").as_deref(), Some("ingress" | "egress")) {
        return Err(refuse(recorded!("neutron-rule-sideways"), "direction", asked));
    }
    let protocol = match asked.get("protocol") {
        None | Some(Value::Null) => Value::Null,
        Some(value) => {
            let lower = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
            let known = lower.parse::<u8>().is_ok() || number_of(&lower) >= 0;
            if !known {
                return Err(refuse(recorded!("neutron-rule-name-any"), "protocol", asked));
            }
            json!(lower)
        }
    };
    for field in ["port_range_min", "port_range_max"] {
        if number(asked, field).is_some_and(|port| !(0..=65535).contains(&port)) {
            let recorded = recorded!("neutron-rule-port-too-high");
            let was = recorded.asked("/body/security_group_rule/port_range_max");
            return Err(recorded.about(&was, &number(asked, field).unwrap_or_default().to_string()));
        }
    }
    let ethertype = match text(asked, "ethertype").map(|text| text.to_lowercase()).as_deref() {
        Some("ipv6") => "IPv6",
        _ => "IPv4",
    };
    let prefix = match text(asked, "remote_ip_prefix") {
        None => Value::Null,
        Some(prefix) => match parse(&prefix) {
            Some((address, length)) => json!(format!("{address}/{length}")),
            None => {
                return Err(refuse(recorded!("neutron-rule-no-cidr"), "remote_ip_prefix", asked));
            }
        },
    };
    let mut rule = asked.clone();
    rule.insert("protocol".into(), protocol);
    rule.insert("ethertype".into(), json!(ethertype));
    rule.insert("remote_ip_prefix".into(), prefix);
    for field in ["port_range_min", "port_range_max", "remote_group_id", "remote_address_group_id"]
    {
        rule.entry(field).or_insert(Value::Null);
    }
    rule.entry("description").or_insert(json!(""));
    Ok(rule)
}

/// Normalises a rule as Neutron does.
fn canonical(rule: &mut Rule) {
    if text(rule, "ethertype").as_deref() == Some("IPv6") {
        match text(rule, "protocol").as_deref() {
            Some("icmp" | "icmpv6") => drop(rule.insert("protocol".into(), json!("ipv6-icmp"))),
            Some("1") => drop(rule.insert("protocol".into(), json!("58"))),
            _ => {}
        }
    }
    if (number(rule, "port_range_min"), number(rule, "port_range_max")) == (Some(1), Some(65535)) {
        rule.insert("port_range_min".into(), Value::Null);
        rule.insert("port_range_max".into(), Value::Null);
    }
}

fn validate(rule: &Rule, asked: &Rule) -> Result<(), Response> {
    let ports = (number(rule, "port_range_min"), number(rule, "port_range_max"));
    let protocol = text(rule, "protocol");
    let ip_number = protocol.as_deref().map(number_of);
    match (ports, ip_number) {
        ((None, None), _) => {}
        (_, None) => return Err(recorded!("neutron-rule-ports-without-protocol").unchanged()),
        ((min, max), Some(number)) if is_in("SG_PORT_PROTO_NUMS", number) => {
            if min == Some(0) || max == Some(0) {
                let recorded = recorded!("neutron-rule-port-too-high");
                let field = "/body/security_group_rule/port_range_max";
                return Err(recorded.about(&recorded.asked(field), "0"));
            }
            if !matches!((min, max), (Some(min), Some(max)) if min <= max) {
                return Err(recorded!("neutron-rule-reversed-ports").unchanged());
            }
        }
        ((min, max), Some(1 | 58)) => validate_icmp(min, max)?,
        (_, Some(other)) => {
            return Err(recorded!("neutron-rule-ports-of-vrrp").about("112", &other.to_string()));
        }
    }
    let prefix = text(rule, "remote_ip_prefix").and_then(|prefix| parse(&prefix));
    let ipv6 = text(rule, "ethertype").as_deref() == Some("IPv6");
    if prefix.is_some_and(|(address, _)| address.is_ipv6() != ipv6) {
        let recorded = recorded!("neutron-rule-family-mixed");
        let was = recorded.asked("/body/security_group_rule/remote_ip_prefix");
        let mut refused = recorded.about(&was, &text(rule, "remote_ip_prefix").unwrap_or_default());
        if ipv6
            && let Some(Value::String(words)) = refused.body.pointer_mut("/NeutronError/message")
        {
            *words = words.replace("ethertype IPv4", "ethertype IPv6");
        }
        return Err(refused);
    }
    if !ipv6 && ip_number.is_some_and(|number| is_in("IPV6_ONLY", number)) {
        return Err(refuse(recorded!("neutron-rule-icmpv6-in-ipv4"), "protocol", rule));
    }
    let remotes = ["remote_ip_prefix", "remote_group_id", "remote_address_group_id"];
    if remotes.iter().filter(|field| text(asked, field).is_some()).count() > 1 {
        return Err(recorded!("neutron-rule-group-and-prefix").unchanged());
    }
    Ok(())
}

fn validate_icmp(kind: Option<i64>, code: Option<i64>) -> Result<(), Response> {
    for (field, name, value) in [("port_range_min", "type", kind), ("port_range_max", "code", code)]
    {
        if let Some(value) = value.filter(|value| !(0..=255).contains(value)) {
            let recorded = recorded!("neutron-rule-icmp-type-too-high");
            let was = recorded.asked("/body/security_group_rule/port_range_min");
            let mut refused = recorded.about(&was, &value.to_string());
            if let Some(Value::String(words)) = refused.body.pointer_mut("/NeutronError/message") {
                *words = words.replace("type (port_range_min)", &format!("{name} ({field})"));
            }
            return Err(refused);
        }
    }
    if let (None, Some(code)) = (kind, code) {
        let recorded = recorded!("neutron-rule-icmp-code-alone");
        let was = format!(
            "(port-range-max) {}",
            recorded.asked("/body/security_group_rule/port_range_max")
        );
        return Err(recorded.about(&was, &format!("(port-range-max) {code}")));
    }
    Ok(())
}

/// The key by which Neutron compares rules.
fn key(rule: &Rule) -> [String; 9] {
    let plain = |field| rule.get(field).filter(|value| !value.is_null()).map(Value::to_string);
    let everywhere = |prefix: &String| prefix == "0.0.0.0/0" || prefix == "::/0";
    [
        plain("direction"),
        plain("ethertype"),
        plain("port_range_min"),
        plain("port_range_max"),
        text(rule, "protocol").map(|protocol| number_of(&protocol).to_string()),
        plain("remote_group_id"),
        plain("remote_address_group_id"),
        text(rule, "remote_ip_prefix").filter(|prefix| !everywhere(prefix)),
        plain("security_group_id"),
    ]
    .map(|part| part.unwrap_or_else(|| "+".to_owned()))
}

/// Neutron's own tables, read from its installed sources, which recordings/neutron-protocols.json
/// names.
static TABLES: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../recordings/neutron-protocols.json");
    serde_json::from_str(text).unwrap_or_default()
});

/// Returns whether one of Neutron's lists of protocols has the number.
fn is_in(list: &str, number: i64) -> bool {
    TABLES[list].as_array().is_some_and(|all| all.contains(&json!(number)))
}

fn number_of(protocol: &str) -> i64 {
    let named = TABLES["IP_PROTOCOL_MAP"][protocol].as_i64();
    named.or_else(|| protocol.parse().ok()).unwrap_or(-1)
}

fn parse(prefix: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match prefix.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (prefix, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let length = length.unwrap_or(most);
    (length <= most).then_some((address, length))
}

/// Returns the prefix with its host bits cleared.
fn network(prefix: &str) -> String {
    match parse(prefix) {
        Some((IpAddr::V4(address), length)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            format!("{}/{length}", std::net::Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        Some((IpAddr::V6(address), length)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            format!("{}/{length}", std::net::Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        None => prefix.to_owned(),
    }
}
