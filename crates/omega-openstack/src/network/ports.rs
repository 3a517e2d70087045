//! Ranges of ports.

use std::{fmt, num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Serialize};

/// A non-empty range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ports {
    first: NonZeroU16,
    last: NonZeroU16,
}

/// Not a range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port or range: {0:?} (1 to 65535, or a range like 8000-8080)")]
pub struct InvalidPorts(String);

impl Ports {
    /// Every port. Neutron stores this as no range.
    pub const ALL: Self = Self { first: NonZeroU16::MIN, last: NonZeroU16::MAX };

    /// Returns `port` alone.
    ///
    /// # Errors
    ///
    /// Fails for port 0.
    pub fn one(port: u16) -> Result<Self, InvalidPorts> {
        Self::range(port, port)
    }

    /// Returns the ports from `first` to `last`, inclusive.
    ///
    /// # Errors
    ///
    /// Fails for an empty range, and for one that begins at 0.
    pub fn range(first: u16, last: u16) -> Result<Self, InvalidPorts> {
        match (NonZeroU16::new(first), NonZeroU16::new(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(InvalidPorts(format!("{first}-{last}"))),
        }
    }

    /// Returns the first and the last port.
    pub fn bounds(self) -> (u16, u16) {
        (self.first.get(), self.last.get())
    }
}

impl FromStr for Ports {
    type Err = InvalidPorts;
    /// Parses `6443`, `8000-8080` or `8000:8080`.
    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        let invalid = || InvalidPorts(text.to_owned());
        // `u16::from_str` accepts a sign.
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(invalid());
        }
        let (first, last) =
            text.split_once('-').or_else(|| text.split_once(':')).unwrap_or((text, text));
        let port = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
        match (port(first), port(last)) {
            (Some(first), Some(last)) => Self::range(first, last).map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

impl TryFrom<String> for Ports {
    type Error = InvalidPorts;
    fn try_from(text: String) -> Result<Self, InvalidPorts> {
        text.parse()
    }
}

impl From<Ports> for String {
    fn from(ports: Ports) -> Self {
        ports.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_a_range() {
        for (text, bounds) in [
            ("6443", (6443, 6443)),
            ("8000-8080", (8000, 8080)),
            ("8000:8080", (8000, 8080)),
            ("1-65535", (1, 65535)),
        ] {
            assert_eq!(text.parse::<Ports>().unwrap().bounds(), bounds, "{text}");
        }
        assert_eq!("1-65535".parse(), Ok(Ports::ALL));
        for text in ["", "0", "0-5", "65536", "9-8", "-5", "5-", "+5", "5-+6", "5-6-7", "http"] {
            assert_eq!(text.parse::<Ports>(), Err(InvalidPorts(text.into())), "{text}");
        }
    }
}
