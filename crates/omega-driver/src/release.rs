//! The releases of magnum-capi-helm.

use std::{fmt, str::FromStr};

use omega_core::{Diagnostic, Note, Retry, Touched};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::requirements::DISTRIBUTION;

/// A release of magnum-capi-helm, as pinned by a site or reported by a unit's interpreter.
///
/// It is ordered as PEP 440 says and stored as text (`"1.4.0"`). Any version can be represented.
/// The behaviour of five releases is known from their source ([`DriverRelease::known`]); for any
/// other release it is assumed ([`DriverRelease::assumed_like`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DriverRelease(Version);

/// The releases whose source was read, in the order of their versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    V1_1_0,
    V1_2_0,
    V1_2_1,
    V1_3_0,
    V1_4_0,
}

impl Source {
    const ALL: [Self; 5] = [Self::V1_1_0, Self::V1_2_0, Self::V1_2_1, Self::V1_3_0, Self::V1_4_0];

    fn release(self) -> DriverRelease {
        DriverRelease(Version::new(match self {
            Self::V1_1_0 => [1, 1, 0],
            Self::V1_2_0 => [1, 2, 0],
            Self::V1_2_1 => [1, 2, 1],
            Self::V1_3_0 => [1, 3, 0],
            Self::V1_4_0 => [1, 4, 0],
        }))
    }
}

impl DriverRelease {
    /// Returns 1.1.0.
    pub fn v1_1_0() -> Self {
        Source::V1_1_0.release()
    }

    /// Returns 1.3.0, the first that authenticates by a token.
    pub fn v1_3_0() -> Self {
        Source::V1_3_0.release()
    }

    /// Returns 1.4.0, the first with `api_resources`, and the one to pin.
    pub fn v1_4_0() -> Self {
        Source::V1_4_0.release()
    }

    /// Returns every release whose source was read, oldest first.
    pub fn known() -> [Self; 5] {
        Source::ALL.map(Source::release)
    }

    /// Returns whether its source was read.
    pub fn is_known(&self) -> bool {
        self.source().release() == *self
    }

    /// Refuses a release whose source was not read.
    ///
    /// # Errors
    ///
    /// Fails if the behaviour of the release is only assumed.
    pub fn require_known(&self) -> Result<(), UnknownRelease> {
        if self.is_known() { Ok(()) } else { Err(UnknownRelease { release: self.clone() }) }
    }

    /// Returns the release that it is assumed to behave like: the newest known release that is not
    /// newer (1.4.0 for `1.4.1`, 1.3.0 for `1.4.0rc1`), or 1.1.0 for older ones. `None` if the
    /// release itself is known.
    pub fn assumed_like(&self) -> Option<Self> {
        let like = self.source().release();
        (like != *self).then_some(like)
    }

    /// Returns a note for the operator if the behaviour of the release is assumed.
    pub fn assumption(&self) -> Option<Note> {
        let like = self.assumed_like()?;
        Some(Note::new(format!(
            "the behaviour of {DISTRIBUTION} {self} is not known; it is assumed to be that of {like}"
        )))
    }

    /// Returns the source that describes it, or is assumed to.
    pub(crate) fn source(&self) -> Source {
        let older = Source::ALL.into_iter().rev().find(|source| source.release() <= *self);
        older.unwrap_or(Source::V1_1_0)
    }

    /// Returns whether it reads the option `api_resources` (1.4.0, `kubernetes.py:308`).
    pub fn reads_overrides(&self) -> bool {
        self.source() >= Source::V1_4_0
    }

    /// Returns whether it passes a template's network driver to the chart as `addons.cni.type`
    /// (1.4.0, `driver.py:895` and `:1205`).
    pub fn sends_network_driver(&self) -> bool {
        self.source() >= Source::V1_4_0
    }
}

impl fmt::Display for DriverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for DriverRelease {
    type Err = InvalidRelease;

    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        let invalid = |_: pep440_rs::VersionParseError| InvalidRelease { text: text.to_owned() };
        text.parse().map(Self).map_err(invalid)
    }
}

/// The text is not a version of a Python package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version of a Python package, such as 1.4.0")]
pub struct InvalidRelease {
    text: String,
}

impl Diagnostic for InvalidRelease {
    fn found(&self) -> Option<String> {
        Some(self.text.clone())
    }
    fn next(&self) -> Option<String> {
        Some("name a release in full, such as 1.4.0".to_owned())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

/// The behaviour of this release is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the behaviour of {DISTRIBUTION} {release} is not known (known releases: {})", known())]
pub struct UnknownRelease {
    /// The release.
    pub release: DriverRelease,
}

fn known() -> String {
    DriverRelease::known().map(|release| release.to_string()).join(", ")
}

impl Diagnostic for UnknownRelease {
    fn next(&self) -> Option<String> {
        Some("pin 1.4.0".to_owned())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> DriverRelease {
        text.parse().unwrap()
    }

    #[test]
    fn a_release_is_ordered_and_stored_as_pep_440_says() {
        let all = DriverRelease::known();
        assert!(all.is_sorted());
        assert_eq!(
            all.each_ref().map(ToString::to_string),
            ["1.1.0", "1.2.0", "1.2.1", "1.3.0", "1.4.0"]
        );
        assert!(release("1.10.0") > release("1.4.0"), "not as texts");
        assert_eq!(release("1.4"), release("1.4.0"));
        let stored = serde_json::to_string(&release("1.4.0.dev3")).unwrap();
        assert_eq!(stored, r#""1.4.0.dev3""#);
        assert_eq!(serde_json::from_str::<DriverRelease>(&stored).unwrap(), release("1.4.0.dev3"));
        let error = "not.a.version".parse::<DriverRelease>().unwrap_err();
        assert!(error.to_string().starts_with("\"not.a.version\" is not a version"), "{error}");
    }

    #[test]
    fn the_behaviour_of_an_unknown_release_is_assumed() {
        for known in DriverRelease::known() {
            assert_eq!((known.is_known(), known.assumed_like()), (true, None), "{known}");
            known.require_known().unwrap();
        }
        for (unknown, like) in [
            ("0.9", "1.1.0"),
            ("1.0.0", "1.1.0"),
            ("1.1.1", "1.1.0"),
            ("1.2.1.post1", "1.2.1"),
            ("1.4.0rc1", "1.3.0"),
            ("1.4.0.dev3", "1.3.0"),
            ("1.4.0+site.1", "1.4.0"),
            ("1.4.1", "1.4.0"),
            ("2", "1.4.0"),
        ] {
            let release = release(unknown);
            assert_eq!(release.assumed_like().unwrap().to_string(), like, "{unknown}");
            assert!(!release.is_known(), "{unknown}");
        }
        let note = release("1.5.0").assumption().unwrap();
        assert_eq!(
            note.text,
            "the behaviour of magnum-capi-helm 1.5.0 is not known; it is assumed to be that of 1.4.0"
        );
        assert_eq!(release("1.4.0").assumption(), None);
        let error = release("1.5.0").require_known().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the behaviour of magnum-capi-helm 1.5.0 is not known (known releases: 1.1.0, 1.2.0, \
             1.2.1, 1.3.0, 1.4.0)"
        );
    }

    #[test]
    fn what_came_with_1_4_0() {
        for (text, new) in [("1.3.0", false), ("1.4.0rc1", false), ("1.4.0", true), ("1.5", true)] {
            let release = release(text);
            assert_eq!(release.reads_overrides(), new, "{text}");
            assert_eq!(release.sends_network_driver(), new, "{text}");
        }
    }
}
