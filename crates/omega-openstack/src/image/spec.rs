//! The values that describe an image.

use std::fmt;

use omega_driver::requirements::DISTROS;
use serde::{Deserialize, Serialize};

use crate::container_infra::name_fault;

/// A name that is none, or a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidImage {
    /// Not a name.
    #[error("not a name for an image ({0}): {1:?}")]
    Name(&'static str, String),
    /// Not a distribution that the driver installs.
    #[error("not a distribution of Magnum's driver ({known}): {0:?}", known = DISTROS.join(", "))]
    Distro(String),
    /// Not a version of Kubernetes.
    #[error("not a version of Kubernetes (v1.34.8): {0:?}")]
    Version(String),
}

/// The name of an image: 1 to 255 characters, none of them a control character.
///
/// Glance takes control characters, and what lists images then breaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl TryFrom<String> for ImageName {
    type Error = InvalidImage;
    fn try_from(text: String) -> Result<Self, InvalidImage> {
        match name_fault(&text) {
            Some(why) => Err(InvalidImage::Name(why, text.chars().take(80).collect())),
            None => Ok(Self(text)),
        }
    }
}

impl std::str::FromStr for ImageName {
    type Err = InvalidImage;
    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        text.to_owned().try_into()
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> Self {
        name.0
    }
}

impl AsRef<str> for ImageName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version of Kubernetes as Magnum's driver reads it from an image: `v1.34.8`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KubernetesVersion(String);

impl TryFrom<String> for KubernetesVersion {
    type Error = InvalidImage;
    fn try_from(text: String) -> Result<Self, InvalidImage> {
        let numbers = text.strip_prefix('v').unwrap_or(&text);
        let core = numbers.split(['-', '+']).next().unwrap_or_default();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b));
        if plain && core.split('.').count() == 3 && core.split('.').all(is_number) {
            return Ok(Self(format!("v{numbers}")));
        }
        Err(InvalidImage::Version(text.chars().take(80).collect()))
    }
}

impl std::str::FromStr for KubernetesVersion {
    type Err = InvalidImage;
    /// Reads `v1.34.8`, or the same without its `v`.
    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        text.to_owned().try_into()
    }
}

impl From<KubernetesVersion> for String {
    fn from(version: KubernetesVersion) -> Self {
        version.0
    }
}

impl AsRef<str> for KubernetesVersion {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails if Magnum finds no driver of this project for an image of that `os_distro`: its template is refused.
pub(super) fn supported_distro(text: &str) -> Result<(), InvalidImage> {
    let known = DISTROS.contains(&text);
    if known { Ok(()) } else { Err(InvalidImage::Distro(text.chars().take(80).collect())) }
}

impl KubernetesVersion {
    /// Returns how far apart two versions are: first by the major, then by the minor, then by the patch
    /// number. `v1.33.0` is nearer to `v1.32.9` than to `v1.32.1`.
    pub(super) fn distance(&self, other: &Self) -> u64 {
        self.place().abs_diff(other.place())
    }

    fn place(&self) -> u64 {
        const ROOM: u64 = 10_000;
        let numbers = self.0.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let numbers = numbers.split('.').map(|part| part.parse::<u64>().unwrap_or(u64::MAX));
        numbers.fold(0, |all, part| all.saturating_mul(ROOM).saturating_add(part.min(ROOM - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_valid_by_construction() {
        for name in ["ubuntu-jammy-kube-v1.34.8", "é x", &"x".repeat(255)] {
            assert!(name.parse::<ImageName>().is_ok(), "{name}");
        }
        for name in ["", " ", "a\n", "a\u{1b}[2J", "\u{7f}", " a", &"x".repeat(256)] {
            assert!(name.parse::<ImageName>().is_err(), "{name:?}");
        }
        for (text, is) in
            [("v1.34.8", "v1.34.8"), ("1.34.8", "v1.34.8"), ("v1.35.0-rc.1", "v1.35.0-rc.1")]
        {
            assert_eq!(text.parse::<KubernetesVersion>().unwrap().to_string(), is);
        }
        for text in ["", "v", "1.34", "v1.34.x", "v1.34.8 ", "latest", "v1.34.8\n"] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text:?}");
        }
    }
}
