//! A release of helm, as a value.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Namespace;

/// A release's newest revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Where it is.
    pub namespace: Namespace,
    /// Its name, which magnum-capi-helm also gives to the Cluster.
    pub name: String,
    /// The number of the revision, from 1.
    pub revision: u32,
    /// How it stands.
    pub status: ReleaseStatus,
    /// The chart's name.
    pub chart: String,
    /// The chart's version, as the chart spells it.
    pub chart_version: String,
    /// The version of what it installs, if the chart says one.
    pub app_version: Option<String>,
    /// When this revision was begun.
    pub updated: Option<Timestamp>,
}

/// A release whose newest revision can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRelease {
    /// Where it is.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
    /// The revision's number.
    pub revision: u32,
    /// Why. It quotes nothing of the content.
    pub why: String,
}

/// How a release stands, in helm's words (helm 3.17, `pkg/release/status.go`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ReleaseStatus {
    /// Helm does not know.
    Unknown,
    /// Installed.
    Deployed,
    /// Removed, its history was kept.
    Uninstalled,
    /// A newer revision took its place.
    Superseded,
    /// The last install or upgrade failed.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Being installed, or interrupted at it.
    PendingInstall,
    /// Being upgraded, or interrupted at it: helm refuses the next upgrade.
    PendingUpgrade,
    /// Being rolled back, or interrupted at it.
    PendingRollback,
    /// A word that is not known here.
    Other(String),
}

impl From<String> for ReleaseStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "unknown" => Self::Unknown,
            "deployed" => Self::Deployed,
            "uninstalled" => Self::Uninstalled,
            "superseded" => Self::Superseded,
            "failed" => Self::Failed,
            "uninstalling" => Self::Uninstalling,
            "pending-install" => Self::PendingInstall,
            "pending-upgrade" => Self::PendingUpgrade,
            "pending-rollback" => Self::PendingRollback,
            _ => Self::Other(text),
        }
    }
}

impl From<ReleaseStatus> for String {
    fn from(status: ReleaseStatus) -> Self {
        status.to_string()
    }
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
