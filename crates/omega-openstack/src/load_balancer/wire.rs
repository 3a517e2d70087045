//! The JSON of the Octavia API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::service_response::utc_or_none;

/// A load balancer as Octavia lists it. Strings, not enums, so that new values can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoadBalancer {
    /// Its id.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// The project it belongs to.
    pub project_id: String,
    /// `ACTIVE`, `ERROR`, `PENDING_UPDATE`...
    pub provisioning_status: String,
    /// `ONLINE`, `DEGRADED`, `OFFLINE`...
    #[serde(default)]
    pub operating_status: String,
    /// The port of its address, which is deleted with it.
    #[serde(default)]
    pub vip_port_id: Option<String>,
    /// Its address.
    #[serde(default)]
    pub vip_address: Option<String>,
    /// `amphora`, `ovn`...
    #[serde(default)]
    pub provider: Option<String>,
    /// When it was created, by Octavia's clock.
    #[serde(default, deserialize_with = "utc_or_none")]
    pub created_at: Option<Timestamp>,
    /// When Octavia last changed its record; none while it is being created.
    #[serde(default, deserialize_with = "utc_or_none")]
    pub updated_at: Option<Timestamp>,
}

impl LoadBalancer {
    /// Returns whether Octavia is changing it. It then answers other requests with 409.
    pub fn is_pending(&self) -> bool {
        self.provisioning_status.starts_with("PENDING_")
    }

    /// Returns since when it has been in its state.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.updated_at.or(self.created_at)
    }
}

/// An amphora: a server of Nova that carries the traffic of a load balancer. Only administrators see
/// them (octavia, `octavia/api/v2/types/amphora.py`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Amphora {
    /// Its id.
    pub id: String,
    /// `ALLOCATED`, `BOOTING`, `ERROR`, `FAILOVER_STOPPED`...
    #[serde(default)]
    pub status: Option<String>,
    /// `STANDALONE`, `MASTER` or `BACKUP`; none until it is allocated.
    #[serde(default)]
    pub role: Option<String>,
    /// The id of its server in Nova; none until Nova has created it.
    #[serde(default)]
    pub compute_id: Option<String>,
    /// Its address in the management network.
    #[serde(default)]
    pub lb_network_ip: Option<String>,
}

impl Amphora {
    /// Returns it in one line.
    pub(super) fn line(&self) -> String {
        let Self { id, status, role, compute_id, lb_network_ip } = self;
        let or =
            |value: &Option<String>, none: &str| value.clone().unwrap_or_else(|| none.to_owned());
        format!(
            "amphora {id}: status {}, role {}, server {}, address {}",
            or(status, "unknown"),
            or(role, "none"),
            or(compute_id, "none"),
            or(lb_network_ip, "none")
        )
    }
}

/// How many amphorae carry a load balancer. Octavia's answers have no topology, but each amphora has a
/// role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Topology {
    /// One: a failover is an outage.
    Single,
    /// Two: the other one carries the traffic while one is replaced.
    ActiveStandby,
    /// No amphora has a role.
    Unknown,
}

impl Topology {
    /// Decides by the roles.
    pub(super) fn of(amphorae: &[Amphora]) -> Self {
        let has = |wanted: &[&str]| {
            let mut roles = amphorae.iter().filter_map(|one| one.role.as_deref());
            roles.any(|role| wanted.contains(&role))
        };
        if has(&["MASTER", "BACKUP"]) {
            Self::ActiveStandby
        } else if has(&["STANDALONE"]) {
            Self::Single
        } else {
            Self::Unknown
        }
    }
}
