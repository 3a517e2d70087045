use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Namespace;

/// The newest revision of a helm release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct Release {
    pub namespace: Namespace,
    /// The name of the release. magnum-capi-helm gives the Cluster the same name.
    pub name: String,
    /// The number of the revision, from 1.
    pub revision: u32,
    pub status: ReleaseStatus,
    pub chart: String,
    pub chart_version: String,
    pub app_version: Option<String>,
    /// When helm began to install this revision.
    pub updated: Option<Timestamp>,
}

/// A release whose newest revision can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of a release")]
pub struct UnreadableRelease {
    pub namespace: Namespace,
    pub name: String,
    pub revision: u32,
    /// Why it can't be read. It quotes nothing of the content.
    pub why: String,
}

/// The status of a release (helm 3.17, `pkg/release/status.go`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseStatus {
    /// Helm does not know.
    Unknown,
    /// Installed.
    Deployed,
    /// Removed with its history kept.
    Uninstalled,
    /// A newer revision took its place.
    Superseded,
    /// The last install or upgrade failed.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Being installed, or the installation was interrupted.
    PendingInstall,
    /// Being upgraded, or the upgrade was interrupted: helm refuses the next one.
    PendingUpgrade,
    /// Being rolled back, or the rollback was interrupted.
    PendingRollback,
    /// Any other status.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for ReleaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Other(text) => text,
        })
    }
}
