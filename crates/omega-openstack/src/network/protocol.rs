//! IP protocols, by number.

use std::{fmt, num::NonZeroU8, str::FromStr};

use serde::{Deserialize, Serialize};

/// An IP protocol, or any.
///
/// Neutron accepts names and numbers and stores what it was given, but compares numbers; so does
/// this type. The names are those that Neutron knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Protocol {
    /// Every protocol.
    Any,
    /// The protocol with this number.
    Number(NonZeroU8),
}

/// Not a protocol that a rule can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProtocol {
    /// Neither a name that Neutron knows nor a number.
    #[error(
        "not a protocol: {0:?} (use a name such as tcp, udp, icmp, ipv6-icmp or vrrp, a number from 1 to 255, or any)"
    )]
    Unknown(String),
    /// Neutron has three names for 0, and none of them means `any`.
    #[error("protocol {0:?} is number 0, which does not mean every protocol in Neutron: use any")]
    Zero(String),
}

/// The names that Neutron accepts, with their numbers. If there are several, the first is shown.
const NAMES: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("ipv6-encap", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ipv6-route", 43),
    ("ospf", 89),
    ("pgm", 113),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("vrrp", 112),
];

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self::number(6);
    /// UDP.
    pub const UDP: Self = Self::number(17);
    /// ICMP for IPv4. In an IPv6 rule it means `ICMPv6` for Neutron.
    pub const ICMP: Self = Self::number(1);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self::number(58);

    const fn number(number: u8) -> Self {
        match NonZeroU8::new(number) {
            Some(number) => Self::Number(number),
            None => Self::Any,
        }
    }

    /// Returns whether Neutron accepts a range of ports with it.
    pub fn has_ports(self) -> bool {
        let Self::Number(number) = self else { return false };
        [6, 17, 33, 132, 136].contains(&number.get())
    }

    /// Returns whether Neutron accepts it in IPv6 rules only.
    pub fn is_ipv6_only(self) -> bool {
        let Self::Number(number) = self else { return false };
        [41, 43, 44, 58, 59, 60].contains(&number.get())
    }
}

impl FromStr for Protocol {
    type Err = InvalidProtocol;
    fn from_str(text: &str) -> Result<Self, InvalidProtocol> {
        let lower = text.to_ascii_lowercase();
        if lower == "any" {
            return Ok(Self::Any);
        }
        if ["ip", "hopopt", "0"].contains(&lower.as_str()) {
            return Err(InvalidProtocol::Zero(text.to_owned()));
        }
        let named = NAMES.iter().find(|(name, _)| *name == lower).map(|(_, number)| *number);
        named
            .or_else(|| lower.parse().ok())
            .and_then(NonZeroU8::new)
            .map(Self::Number)
            .ok_or_else(|| InvalidProtocol::Unknown(text.to_owned()))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Number(number) => match NAMES.iter().find(|(_, n)| *n == number.get()) {
                Some((name, _)) => f.write_str(name),
                None => write!(f, "{number}"),
            },
        }
    }
}

impl TryFrom<String> for Protocol {
    type Error = InvalidProtocol;
    fn try_from(text: String) -> Result<Self, InvalidProtocol> {
        text.parse()
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_one_protocol() {
        for (text, number, shown) in [
            ("tcp", 6, "tcp"),
            ("TCP", 6, "tcp"),
            ("6", 6, "tcp"),
            ("17", 17, "udp"),
            ("icmpv6", 58, "ipv6-icmp"),
            ("ipv6-icmp", 58, "ipv6-icmp"),
            ("58", 58, "ipv6-icmp"),
            ("vrrp", 112, "vrrp"),
            ("94", 94, "94"),
        ] {
            let protocol: Protocol = text.parse().unwrap();
            assert_eq!(protocol, Protocol::Number(NonZeroU8::new(number).unwrap()), "{text}");
            assert_eq!(protocol.to_string(), shown);
        }
        assert_eq!("any".parse(), Ok(Protocol::Any));
    }

    #[test]
    fn what_is_no_protocol_is_refused() {
        let error = |text: &str| text.parse::<Protocol>().unwrap_err().to_string();
        insta::assert_snapshot!(error("tpc"), @r#"not a protocol: "tpc" (use a name such as tcp, udp, icmp, ipv6-icmp or vrrp, a number from 1 to 255, or any)"#);
        insta::assert_snapshot!(error("256"), @r#"not a protocol: "256" (use a name such as tcp, udp, icmp, ipv6-icmp or vrrp, a number from 1 to 255, or any)"#);
        insta::assert_snapshot!(error("ip"), @r#"protocol "ip" is number 0, which does not mean every protocol in Neutron: use any"#);
        assert_eq!("-6".parse::<Protocol>(), Err(InvalidProtocol::Unknown("-6".into())));
        assert_eq!("".parse::<Protocol>(), Err(InvalidProtocol::Unknown(String::new())));
    }
}
