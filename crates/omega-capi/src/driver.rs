//! The releases of magnum-capi-helm that the tables know.

use std::{fmt, str::FromStr};

use semver::Version;
use serde::{Deserialize, Serialize};

/// A release of magnum-capi-helm. Every release from 1.1.0 to 1.4.0 was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Driver {
    /// 1.1.0.
    #[serde(rename = "1.1.0")]
    V1_1_0,
    /// 1.2.0.
    #[serde(rename = "1.2.0")]
    V1_2_0,
    /// 1.2.1.
    #[serde(rename = "1.2.1")]
    V1_2_1,
    /// 1.3.0.
    #[serde(rename = "1.3.0")]
    V1_3_0,
    /// 1.4.0, the first with `api_resources`.
    #[serde(rename = "1.4.0")]
    V1_4_0,
}

/// Nothing is known of what this release reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not known what magnum-capi-helm {0} reads (known: 1.1.0, 1.2.0, 1.2.1, 1.3.0, 1.4.0)"
)]
pub struct UnknownDriver(pub String);

impl omega_core::Diagnostic for UnknownDriver {
    fn retry(&self) -> omega_core::Retry {
        omega_core::Retry::Final
    }

    fn next(&self) -> Option<String> {
        Some("pin 1.4.0".to_owned())
    }
    fn touched(&self) -> omega_core::Touched {
        omega_core::Touched::Nothing
    }
}

impl Driver {
    /// All that are known, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V1_1_0, Self::V1_2_0, Self::V1_2_1, Self::V1_3_0, Self::V1_4_0];

    /// Returns whether it reads the option `api_resources`.
    pub fn reads_overrides(self) -> bool {
        self >= Self::V1_4_0
    }

    /// Returns whether it can authenticate by a token. Older ones insist on a client certificate
    /// (1.1.0 and 1.2.x, `kubernetes.py`: an assertion).
    pub fn takes_tokens(self) -> bool {
        self >= Self::V1_3_0
    }

    /// Returns whether it hands a template's network driver to the chart as `addons.cni.type`
    /// (1.4.0, `driver.py:895` and `:1205`).
    pub fn sends_network_driver(self) -> bool {
        self >= Self::V1_4_0
    }

    /// Returns the chart that it installs if `default_helm_chart_version` is not set.
    pub fn default_chart(self) -> Version {
        if self >= Self::V1_2_0 { Version::new(0, 10, 1) } else { Version::new(0, 4, 0) }
    }

    fn version(self) -> &'static str {
        match self {
            Self::V1_1_0 => "1.1.0",
            Self::V1_2_0 => "1.2.0",
            Self::V1_2_1 => "1.2.1",
            Self::V1_3_0 => "1.3.0",
            Self::V1_4_0 => "1.4.0",
        }
    }
}

impl FromStr for Driver {
    type Err = UnknownDriver;

    fn from_str(text: &str) -> Result<Self, UnknownDriver> {
        let known = Self::ALL.into_iter().find(|driver| driver.version() == text);
        known.ok_or_else(|| UnknownDriver(text.to_owned()))
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}
