//! The JSON of the Neutron API, and when two rules are equal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cidr, Direction, Protocol, SgRule, Traffic};

/// A security group as Neutron lists it, with its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) project_id: Option<String>,
    #[serde(rename = "security_group_rules")]
    pub(crate) rules: Vec<Rule>,
}

/// A rule as Neutron lists it. Strings, not enums, so that rules with unknown values can be read; they
/// are different rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(flatten)]
    pub(crate) spec: Spec,
}

impl Rule {
    /// Returns its description. For Neutron none is the same as an empty one.
    pub(crate) fn about(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }

    /// Returns whether Neutron, given the one, would store the other.
    pub(crate) fn is_spelled_as(&self, other: &Self) -> bool {
        self.about() == other.about() && self.spec.kept() == other.spec.kept()
    }
}

/// The values of a rule, in Neutron's spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub(crate) direction: String,
    pub(crate) ethertype: String,
    pub(crate) protocol: Option<String>,
    pub(crate) port_range_min: Option<i64>,
    pub(crate) port_range_max: Option<i64>,
    pub(crate) remote_ip_prefix: Option<String>,
    pub(crate) remote_group_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remote_address_group_id: Option<String>,
}

/// A rule independent of its spelling: equal if the rules are equal for Neutron.
///
/// Neutron's own comparison is `_rule_to_key` in `neutron/db/securitygroups_db.py` (2024.1): protocol
/// names equal their numbers, no prefix equals `0.0.0.0/0` and `::/0`, and the description does not
/// count.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key<'a> {
    direction: &'a str,
    ethertype: String,
    protocol: Result<Protocol, &'a str>,
    ports: (Option<i64>, Option<i64>),
    prefix: Option<Result<Cidr, &'a str>>,
    remote_group: Option<&'a str>,
    address_group: Option<&'a str>,
}

impl Spec {
    /// Returns the identity of the rule in its group, in the canonical spelling.
    pub(crate) fn key_in(&self, group: &str) -> String {
        let Key { direction, ethertype, protocol, ports, prefix, .. } = self.key();
        let protocol = protocol.map_or_else(str::to_owned, |protocol| protocol.to_string());
        let number = |port: Option<i64>| port.map_or_else(|| "*".to_owned(), |p| p.to_string());
        let ports = format!("{}-{}", number(ports.0), number(ports.1));
        let prefix =
            prefix.map(|prefix| prefix.map_or_else(str::to_owned, |cidr| cidr.to_string()));
        let prefix = prefix.unwrap_or_else(|| "*".to_owned());
        format!("{group}/{direction}/{ethertype}/{protocol}/{ports}/{prefix}")
    }

    /// Returns the rule as Neutron stores it: `neutron/db/securitygroups_db.py`
    /// (21.0), `_make_canonical_port_range`, `_make_canonical_ipv6_icmp_protocol`, and the
    /// converters of `neutron_lib/api/definitions/security_groups.py`.
    fn kept(&self) -> Self {
        let ipv6 = self.ethertype.eq_ignore_ascii_case("ipv6");
        let protocol = self.protocol.as_deref().map(str::to_ascii_lowercase);
        let protocol = protocol.map(|protocol| match (ipv6, protocol.as_str()) {
            (true, "icmp" | "icmpv6") => "ipv6-icmp".to_owned(),
            (true, "1") => "58".to_owned(),
            _ => protocol,
        });
        let prefix = self.remote_ip_prefix.as_deref();
        let prefix = prefix.map(|text| {
            text.parse().map_or_else(|_| text.to_owned(), |cidr: Cidr| cidr.to_string())
        });
        let (port_range_min, port_range_max) = self.key().ports;
        Self {
            ethertype: if ipv6 { "IPv6" } else { "IPv4" }.to_owned(),
            protocol,
            port_range_min,
            port_range_max,
            remote_ip_prefix: prefix,
            ..self.clone()
        }
    }

    /// Returns whether both are the same rule for Neutron.
    pub(crate) fn same_rule(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn key(&self) -> Key<'_> {
        let ethertype = self.ethertype.to_ascii_lowercase();
        let protocol = match self.protocol.as_deref() {
            None => Ok(Protocol::Any),
            // Neutron has no protocol of that name, so the rule is a different one.
            Some("any") => Err("any"),
            Some(text) => match text.parse() {
                Ok(Protocol::ICMP) if ethertype == "ipv6" => Ok(Protocol::ICMPV6),
                Ok(protocol) => Ok(protocol),
                Err(_) => Err(text),
            },
        };
        let prefix = self.remote_ip_prefix.as_deref().map(|text| text.parse().map_err(|_| text));
        Key {
            direction: &self.direction,
            ethertype,
            protocol,
            ports: match (self.port_range_min, self.port_range_max) {
                (Some(1), Some(65535)) => (None, None),
                ports => ports,
            },
            prefix: prefix.filter(|prefix| !prefix.is_ok_and(Cidr::is_everywhere)),
            remote_group: self.remote_group_id.as_deref(),
            address_group: self.remote_address_group_id.as_deref(),
        }
    }
}

/// `tcp 6443 from 10.20.0.0/16`
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (egress, preposition) =
            if self.direction == "egress" { ("egress ", "to") } else { ("", "from") };
        let protocol = self.protocol.as_deref().unwrap_or("any");
        write!(f, "{egress}{protocol}")?;
        let icmp = matches!(self.key().protocol, Ok(Protocol::ICMP | Protocol::ICMPV6));
        match (self.port_range_min, self.port_range_max) {
            (Some(kind), None) if icmp => write!(f, " type {kind}")?,
            (Some(kind), Some(code)) if icmp => write!(f, " type {kind} code {code}")?,
            (Some(first), Some(last)) if first == last => write!(f, " {first}")?,
            (Some(first), Some(last)) => write!(f, " {first}-{last}")?,
            (None, _) | (_, None) => {}
        }
        let everywhere =
            if self.ethertype.eq_ignore_ascii_case("ipv6") { "::/0" } else { "0.0.0.0/0" };
        write!(f, " {preposition} {}", self.remote_ip_prefix.as_deref().unwrap_or(everywhere))
    }
}

impl From<&SgRule> for Spec {
    fn from(rule: &SgRule) -> Self {
        let peer = rule.flow.peer();
        let (protocol, ports) = match rule.flow.traffic() {
            Traffic::Whole(protocol) => (protocol, None),
            Traffic::Ports(protocol, ports) => {
                let (first, last) = ports.bounds();
                (protocol, Some((Some(i64::from(first)), Some(i64::from(last)))))
            }
            // Neutron stores the type in port_range_min and the code in port_range_max.
            Traffic::Icmp(kind, code) => {
                let protocol = if peer.is_ipv6() { Protocol::ICMPV6 } else { Protocol::ICMP };
                (protocol, Some((Some(i64::from(kind)), code.map(i64::from))))
            }
        };
        let (port_range_min, port_range_max) = ports.unwrap_or_default();
        Self {
            direction: match rule.direction {
                Direction::Ingress => "ingress",
                Direction::Egress => "egress",
            }
            .to_owned(),
            ethertype: if peer.is_ipv6() { "IPv6" } else { "IPv4" }.to_owned(),
            protocol: (protocol != Protocol::Any).then(|| protocol.to_string()),
            port_range_min,
            port_range_max,
            remote_ip_prefix: Some(peer.to_string()),
            remote_group_id: None,
            remote_address_group_id: None,
        }
    }
}

/// The body of `POST /v2.0/security-group-rules`.
#[derive(Debug, Serialize)]
pub(crate) struct NewRule<'a> {
    pub(crate) security_group_id: &'a str,
    pub(crate) description: &'a str,
    #[serde(flatten)]
    pub(crate) spec: &'a Spec,
}
