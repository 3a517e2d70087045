//! The parts of the JSON of Cinder, Nova, Octavia and Neutron's quotas that are read here.

use serde::{Deserialize, Serialize};

/// A volume type that a project may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeType {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A server of Nova.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Server {
    /// Its id.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// `ACTIVE`, `SHUTOFF`, `ERROR`, `PAUSED`...
    pub status: String,
    /// The hypervisor, which only administrators can see.
    #[serde(rename = "OS-EXT-SRV-ATTR:host", default)]
    pub host: Option<String>,
}

/// The limit and the usage of a resource in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// Neutron's or Octavia's name: `floatingip`, `router`, `load_balancer`.
    pub resource: String,
    /// The limit; `None` if there is none.
    pub limit: Option<u64>,
    /// The usage, including reservations for running requests.
    pub used: u64,
}

impl Server {
    /// Returns a server whose hypervisor is not known.
    pub fn new(id: impl Into<String>, name: impl Into<String>, status: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), status: status.into(), host: None }
    }
}

impl Quota {
    /// Returns a quota.
    pub fn new(resource: impl Into<String>, limit: Option<u64>, used: u64) -> Self {
        Self { resource: resource.into(), limit, used }
    }

    /// Returns whether one more would be refused.
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.used >= limit)
    }
}

/// One entry of Neutron's `quotas/PROJECT/details.json`. -1 is no limit.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    pub(super) limit: i64,
    #[serde(default)]
    pub(super) used: u64,
    #[serde(default)]
    pub(super) reserved: u64,
}

/// Octavia's `quotas/PROJECT`: `null` is its default, -1 no limit.
#[derive(Debug, Deserialize)]
pub(super) struct Limits {
    pub(super) load_balancer: Option<i64>,
}
