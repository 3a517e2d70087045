//! A security group rule, valid by construction.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cidr, Ports, Protocol};

/// One security group rule, and whether it should exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SgRule {
    /// The name of the group that has it.
    pub group: String,
    /// The direction of the first packet.
    pub direction: Direction,
    /// The traffic and the remote prefix.
    pub flow: Flow,
    /// Whether it should exist.
    pub presence: Presence,
    /// The description of a new rule. It does not distinguish rules.
    #[serde(default)]
    pub description: String,
}

impl SgRule {
    /// Returns the rule that allows `flow` into the group `group`.
    pub fn ingress(group: impl Into<String>, flow: Flow) -> Self {
        let (direction, presence) = (Direction::Ingress, Presence::Present);
        Self { group: group.into(), direction, flow, presence, description: String::new() }
    }

    /// Returns the fact that the same rule does not exist.
    #[must_use]
    pub fn absent(self) -> Self {
        Self { presence: Presence::Absent, ..self }
    }
}

/// `capi-lb: tcp 6443 from 10.20.0.0/16`
impl fmt::Display for SgRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, direction, flow, presence: _, description: _ } = self;
        let (direction, preposition) = match direction {
            Direction::Ingress => ("", "from"),
            Direction::Egress => ("egress ", "to"),
        };
        let Flow { traffic, peer } = flow;
        write!(f, "{group}: {direction}{traffic} {preposition} {peer}")
    }
}

/// Whether something should exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It should exist.
    Present,
    /// It should not exist.
    Absent,
}

/// The direction of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the instance.
    Ingress,
    /// Out of the instance.
    Egress,
}

/// The allowed traffic between the group and a prefix of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireFlow", into = "WireFlow")]
pub struct Flow {
    traffic: Traffic,
    peer: Cidr,
}

/// The traffic that a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// Every packet of a protocol, or of any.
    Whole(Protocol),
    /// Some ports of a protocol that has ports.
    Ports(Protocol, Ports),
    /// One type of ICMP or `ICMPv6` message, or only one code of it.
    Icmp(u8, Option<u8>),
}

/// A combination that Neutron refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFlow {
    /// Only some protocols have ports.
    #[error("{0} has no ports (tcp, udp, sctp, dccp and udplite have)")]
    NoPorts(Protocol),
    /// Some protocols belong to IPv6 only.
    #[error("{0} is a protocol of IPv6, but {1} is IPv4")]
    Family(Protocol, Cidr),
}

impl Flow {
    /// Returns the flow, in its canonical form.
    ///
    /// Every port becomes no limit on ports, and ICMP to an IPv6 prefix becomes `ICMPv6`, as Neutron
    /// stores them.
    ///
    /// # Errors
    ///
    /// Fails for what Neutron refuses.
    pub fn new(traffic: Traffic, peer: Cidr) -> Result<Self, InvalidFlow> {
        let traffic = match traffic {
            Traffic::Ports(protocol, _) if !protocol.has_ports() => {
                return Err(InvalidFlow::NoPorts(protocol));
            }
            Traffic::Ports(protocol, Ports::ALL) => Traffic::Whole(protocol),
            Traffic::Whole(Protocol::ICMP) if peer.is_ipv6() => Traffic::Whole(Protocol::ICMPV6),
            Traffic::Whole(_) | Traffic::Ports(..) | Traffic::Icmp(..) => traffic,
        };
        if let Traffic::Whole(protocol) = traffic
            && protocol.is_ipv6_only()
            && !peer.is_ipv6()
        {
            return Err(InvalidFlow::Family(protocol, peer));
        }
        Ok(Self { traffic, peer })
    }

    /// Returns TCP to `ports` from or to `peer`.
    pub fn tcp(ports: Ports, peer: Cidr) -> Self {
        let traffic = match ports {
            Ports::ALL => Traffic::Whole(Protocol::TCP),
            ports => Traffic::Ports(Protocol::TCP, ports),
        };
        Self { traffic, peer }
    }

    /// Returns the traffic.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Returns the remote prefix.
    pub fn peer(&self) -> Cidr {
        self.peer
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(protocol) => write!(f, "{protocol}"),
            Self::Ports(protocol, ports) => write!(f, "{protocol} {ports}"),
            Self::Icmp(kind, None) => write!(f, "icmp type {kind}"),
            Self::Icmp(kind, Some(code)) => write!(f, "icmp type {kind} code {code}"),
        }
    }
}

/// How a [`Flow`] is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireFlow {
    traffic: Traffic,
    peer: Cidr,
}

impl TryFrom<WireFlow> for Flow {
    type Error = InvalidFlow;
    fn try_from(WireFlow { traffic, peer }: WireFlow) -> Result<Self, InvalidFlow> {
        Self::new(traffic, peer)
    }
}

impl From<Flow> for WireFlow {
    fn from(Flow { traffic, peer }: Flow) -> Self {
        Self { traffic, peer }
    }
}
