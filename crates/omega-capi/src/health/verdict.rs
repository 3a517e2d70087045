use serde::{Deserialize, Serialize};

/// Magnum's `health_status`. The driver never sets `UNKNOWN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthStatus {
    /// All four reasons are `Ready`.
    Healthy,
    /// A reason is not `Ready`.
    Unhealthy,
}

/// Magnum's `health_status_reason`: a dictionary of four texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct Reasons {
    pub cluster: String,
    pub infrastructure: String,
    pub controlplane: String,
    /// The `MachineDeployments` of the node groups, joined with commas.
    pub nodegroup: String,
}

/// The result of one health poll of the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It reports this.
    #[expect(missing_docs, reason = "the fields are those of Magnum")]
    Says { status: HealthStatus, reason: Reasons },
    /// It raises an exception while it reads the path `at`; `None`: before the first read. Magnum logs
    /// `Skip pulling data from cluster` and keeps its previous record (18.0.1, `service/periodic.py`,
    /// `_update_health_status`).
    #[expect(missing_docs, reason = "explained above")]
    Raises { at: Option<String>, why: String },
}

/// Magnum's health record of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// `health_status`; `None` before the first poll.
    pub status: Option<String>,
    /// `health_status_reason`, as it is stored.
    pub reason: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Reasons {
    /// The reason of a healthy part.
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
    /// Returns the name that Magnum uses.
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
    /// Returns Magnum's record after this poll.
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
