use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An absolute path on a unit, without `.`, `..`, empty parts or control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct UnitPath(String);

/// The text is not a path that omega works on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute path without `.`, `..` and control characters: {0:?}")]
pub struct InvalidPath(String);

impl UnitPath {
    /// Returns a path that is known to be valid.
    pub(crate) fn known(text: &'static str) -> Self {
        debug_assert!(text.parse::<Self>().is_ok(), "{text}");
        Self(text.to_owned())
    }

    /// Returns the path of `name` in this directory.
    pub(crate) fn join(&self, name: &str) -> Self {
        let path = format!("{}/{name}", self.0);
        debug_assert!(path.parse::<Self>().is_ok(), "{path}");
        Self(path)
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory that the path is in.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Self("/".to_owned()),
            Some((parent, _)) => Self(parent.to_owned()),
        }
    }
}

impl FromStr for UnitPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let part = |part: &str| !matches!(part, "" | "." | "..");
        let valid = text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
            && !text.contains(char::is_control);
        valid.then(|| Self(text.to_owned())).ok_or_else(|| InvalidPath(text.to_owned()))
    }
}

impl fmt::Display for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UnitPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

/// The name of a systemd service, without its suffix: `magnum-conductor`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceName(String);

/// The text is not the name of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a systemd service: {0:?}")]
pub struct InvalidServiceName(String);

impl ServiceName {
    /// Returns a name that is known to be valid.
    pub(crate) fn known(text: &'static str) -> Self {
        debug_assert!(text.parse::<Self>().is_ok(), "{text}");
        Self(text.to_owned())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = InvalidServiceName;
    fn from_str(text: &str) -> Result<Self, InvalidServiceName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'@' | b'.');
        let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let valid = starts && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned())).ok_or_else(|| InvalidServiceName(text.to_owned()))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ServiceName {
    type Error = InvalidServiceName;
    fn try_from(text: String) -> Result<Self, InvalidServiceName> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_plain() {
        for good in ["/etc/magnum/kubeconfig", "/a", "/a b/c"] {
            assert_eq!(good.parse::<UnitPath>().unwrap().as_str(), good);
        }
        for bad in ["", "/", "a", "/a/", "/a//b", "/a/../b", "/./a", "/a\nb", "~/a"] {
            assert!(bad.parse::<UnitPath>().is_err(), "{bad:?}");
        }
        assert_eq!("/a/b".parse::<UnitPath>().unwrap().parent().as_str(), "/a");
        assert_eq!("/a".parse::<UnitPath>().unwrap().parent().as_str(), "/");
    }

    #[test]
    fn service_names_have_no_shell_metacharacters() {
        assert!("magnum-conductor".parse::<ServiceName>().is_ok());
        for bad in ["", "-x", "a b", "a;b", "a/b", "$(x)"] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad:?}");
        }
    }
}
