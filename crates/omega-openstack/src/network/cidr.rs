//! The remote prefix of a rule.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An IPv4 or IPv6 prefix as Neutron stores it: with its length and its host bits.
///
/// For Neutron 10.0.0.5/24 and 10.0.0.0/24 are different rules, although they allow the same packets.
/// An address without a length has that of a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

/// Not a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a prefix: {0:?} (10.20.0.0/16, 10.12.4.76 or 2001:db8::/32)")]
pub struct InvalidCidr(String);

impl Cidr {
    /// Returns whether it covers every address of its family.
    pub fn is_everywhere(self) -> bool {
        self.0.prefix_len() == 0 && self.0.addr().is_unspecified()
    }

    /// Returns the prefix that is actually filtered, if it has host bits.
    pub fn hidden_network(self) -> Option<Self> {
        let network = Self(self.0.trunc());
        (network != self).then_some(network)
    }

    /// Returns whether some address is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Returns whether every address of the other is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Returns the first address that it covers.
    pub fn first(self) -> IpAddr {
        self.0.network()
    }

    /// Returns the last address that it covers.
    pub fn last(self) -> IpAddr {
        self.0.broadcast()
    }

    /// Returns the length of the prefix.
    pub fn length(self) -> u8 {
        self.0.prefix_len()
    }

    /// Returns whether it is one of IPv6.
    pub fn is_ipv6(self) -> bool {
        matches!(self.0, IpNet::V6(_))
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;
    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        if text.contains('/') {
            return text.parse().map(Self).map_err(|_| invalid());
        }
        text.parse::<IpAddr>().map(|address| Self(address.into())).map_err(|_| invalid())
    }
}

impl From<IpAddr> for Cidr {
    fn from(address: IpAddr) -> Self {
        Self(address.into())
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidCidr;
    fn try_from(text: String) -> Result<Self, InvalidCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_kept_as_neutron_keeps_it() {
        for (text, shown) in [
            ("10.12.4.76", "10.12.4.76/32"),
            ("10.0.0.5/24", "10.0.0.5/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
        }
        let cidr = |text: &str| text.parse::<Cidr>().unwrap();
        assert_eq!(cidr("10.0.0.5/24").hidden_network(), Some(cidr("10.0.0.0/24")));
        assert_eq!(cidr("10.0.0.0/24").hidden_network(), None);
        assert!(cidr("0.0.0.0/0").is_everywhere() && cidr("::/0").is_everywhere());
        assert!(!cidr("10.0.0.0/0").is_everywhere(), "host bits make it another rule");
        assert!(!cidr("0.0.0.0/1").is_everywhere());
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.20.0.0/16 ", "any", "::/129", "10.0.0.1/"] {
            assert_eq!(text.parse::<Cidr>(), Err(InvalidCidr(text.into())));
        }
    }
}
