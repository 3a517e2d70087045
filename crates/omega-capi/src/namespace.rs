use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The name of a namespace: an RFC 1123 label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

/// A text that is not the name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a namespace name: use 1 to 63 of a-z, 0-9 and -, with no - at the ends")]
pub struct InvalidNamespace(String);

/// The name of an object: an RFC 1123 subdomain, which may have dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

/// A text that is not the name of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an object's name: use at most 253 of a-z, 0-9, - and ., with no - or . at the ends"
)]
pub struct InvalidObjectName(String);

impl ObjectName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = InvalidObjectName;
    fn from_str(text: &str) -> Result<Self, InvalidObjectName> {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let label = |part: &str| {
            let ends = part.starts_with('-') || part.ends_with('-');
            !part.is_empty() && !ends && part.bytes().all(inside)
        };
        if text.len() <= 253 && text.split('.').all(label) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidObjectName(text.to_owned()))
    }
}

impl TryFrom<String> for ObjectName {
    type Error = InvalidObjectName;
    fn try_from(text: String) -> Result<Self, InvalidObjectName> {
        text.parse()
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The namespaces to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// All. This needs cluster-wide rights.
    All,
    /// Only these.
    Only(Vec<Namespace>),
}

impl Namespace {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = InvalidNamespace;
    fn from_str(text: &str) -> Result<Self, InvalidNamespace> {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=63).contains(&text.len()) && text.bytes().all(inside);
        if fits && !text.starts_with('-') && !text.ends_with('-') {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidNamespace(text.to_owned()))
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidNamespace;
    fn try_from(text: String) -> Result<Self, InvalidNamespace> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Namespace, ObjectName};

    #[test]
    fn an_objects_name_may_have_dots_and_is_no_other_path() {
        assert_eq!("lab.edge-1".parse::<ObjectName>().unwrap().as_str(), "lab.edge-1");
        for bad in ["", ".", "a..b", "a.", "-a.b", "a/b", "A", "a?x", "..", &"a".repeat(254)] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_be_another_path_is_no_namespace() {
        assert_eq!("magnum-67-a1".parse::<Namespace>().unwrap().as_str(), "magnum-67-a1");
        for bad in ["", "-a", "a-", "A", "a/b", "a.b", "a?x", "..", &"a".repeat(64)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }
}
