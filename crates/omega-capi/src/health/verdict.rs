//! What Magnum records of a cluster's health.

use serde::{Deserialize, Serialize};

/// Magnum's `health_status`. The driver never sets `UNKNOWN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthStatus {
    /// All four reasons are `Ready`.
    Healthy,
    /// One is not.
    Unhealthy,
}

/// Magnum's `health_status_reason`, which is a dictionary of four texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    /// Of the Cluster.
    pub cluster: String,
    /// Of the `OpenStackCluster`.
    pub infrastructure: String,
    /// Of the control plane.
    pub controlplane: String,
    /// Of the node groups' `MachineDeployments`, joined with commas.
    pub nodegroup: String,
}

/// What one poll of the driver comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It says this.
    Says {
        /// In a word.
        status: HealthStatus,
        /// In four.
        reason: Reasons,
    },
    /// It ends in an exception. Magnum logs `Skip pulling data from cluster` and keeps what it
    /// had recorded before (18.0.1, `service/periodic.py`, `_update_health_status`).
    Raises {
        /// The path at which it ends; `None` if that is before the first.
        at: Option<String>,
        /// Why.
        why: String,
    },
}

/// What Magnum has on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// `health_status`; `None` before the first poll.
    pub status: Option<String>,
    /// `health_status_reason`, as it is stored.
    pub reason: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Reasons {
    /// What the driver says when all is well.
    pub const READY: &str = "Ready";

    /// Returns the status that goes with them.
    pub fn status(&self) -> HealthStatus {
        let Self { cluster, infrastructure, controlplane, nodegroup } = self;
        let ready = |reason: &String| reason == Self::READY;
        if [cluster, infrastructure, controlplane, nodegroup].into_iter().all(ready) {
            HealthStatus::Healthy
        } else {
            HealthStatus::Unhealthy
        }
    }
}

impl HealthStatus {
    /// As Magnum writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

/// Returns whether Magnum polls the health of a cluster whose status is `status`.
///
/// Source: Magnum 18.0.1, `service/periodic.py`, `sync_cluster_health_status`.
pub fn polled(status: &str) -> bool {
    let polled =
        ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"];
    polled.contains(&status)
}

impl Verdict {
    /// Returns what is on record after this poll.
    #[must_use]
    pub fn recorded(&self, before: &Recorded) -> Recorded {
        let Self::Says { status, reason } = self else { return before.clone() };
        let Reasons { cluster, infrastructure, controlplane, nodegroup } = reason;
        let reason = [
            ("cluster", cluster),
            ("infrastructure", infrastructure),
            ("controlplane", controlplane),
            ("nodegroup", nodegroup),
        ];
        let reason = reason.map(|(key, text)| (key.to_owned(), text.clone().into()));
        Recorded {
            status: Some(status.name().to_owned()),
            reason: Some(reason.into_iter().collect()),
        }
    }
}
