//! The JSON of the Octavia API.

use serde::{Deserialize, Serialize};

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
}

impl LoadBalancer {
    /// Returns whether Octavia is changing it. It then answers other requests with 409.
    pub fn is_pending(&self) -> bool {
        self.provisioning_status.starts_with("PENDING_")
    }
}
