//! The parts of Nova's JSON that are read here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::service_response::or_nothing;
use serde_json::Value;

use crate::cloud_inventory::Quota;

/// A flavor (`GET /flavors/detail`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flavor {
    /// Its id: any text.
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "or_nothing")]
    pub name: String,
    /// How many virtual CPUs a server gets.
    #[serde(default, deserialize_with = "or_nothing")]
    pub vcpus: u64,
    /// How much memory it gets, in MiB.
    #[serde(default, deserialize_with = "or_nothing")]
    pub ram: u64,
}

impl Flavor {
    /// Returns whether the text names it, as the driver compares it: by id or by name.
    pub fn is(&self, text: &str) -> bool {
        self.id == text || self.name == text
    }
}

/// A server, as far as it is started and stopped (microversion 2.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Guest {
    /// Its id.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// `ACTIVE`, `SHUTOFF`, `PAUSED`, `ERROR`, ...
    pub status: String,
    /// What Nova is doing with it (`powering-on`); none if nothing.
    #[serde(rename = "OS-EXT-STS:task_state", default)]
    pub task: Option<String>,
    /// What its hypervisor said last: 1 is running (Nova, `objects/fields.py`, `InstancePowerState`).
    #[serde(rename = "OS-EXT-STS:power_state", default)]
    pub power_state: Option<i64>,
    /// Whether somebody has locked it.
    #[serde(default)]
    pub locked: Option<bool>,
    /// Its host, which only administrators can see.
    #[serde(rename = "OS-EXT-SRV-ATTR:host", default)]
    pub host: Option<String>,
    /// Its project.
    #[serde(default)]
    pub tenant_id: Option<String>,
}

impl Guest {
    /// Returns whether it runs, as far as its hypervisor was asked.
    pub fn runs(&self) -> bool {
        self.status == "ACTIVE" && self.task.is_none() && self.power_state == Some(1)
    }

    /// `capi-mgmt-v2 (986147e5-...)`
    pub(super) fn named(&self) -> String {
        format!("{} ({})", self.name, self.id)
    }

    /// `SHUTOFF, power state 4 (shut down), locked`
    pub(super) fn shown(&self) -> String {
        let task = self.task.as_ref().map(|task| format!(", task {task}")).unwrap_or_default();
        let locked = if self.locked == Some(true) { ", locked" } else { "" };
        format!("{}, power state {}{task}{locked}", self.status, self.power())
    }

    pub(super) fn power(&self) -> String {
        let word = match self.power_state {
            None => return "none".to_owned(),
            Some(0) => "no state",
            Some(1) => "running",
            Some(3) => "paused",
            Some(4) => "shut down",
            Some(6) => "crashed",
            Some(7) => "suspended",
            Some(_) => "unknown",
        };
        format!("{} ({word})", self.power_state.unwrap_or_default())
    }

    /// What is known of its host without its service.
    pub(super) fn on_host(&self) -> String {
        match self.host.as_deref().filter(|host| !host.is_empty()) {
            Some(host) => format!("its host is {host}, and Nova knows no nova-compute there"),
            None => {
                "an administrator can see its host, and whether nova-compute is up there".to_owned()
            }
        }
    }
}

/// The nova-compute of a host (`GET /os-services`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostService {
    /// The host.
    pub host: String,
    /// `up` or `down`: whether it has reported itself in the last 60 s.
    pub state: String,
    /// `enabled` or `disabled`.
    pub status: String,
}

impl HostService {
    /// `nova-compute on compute-1 is down`
    pub(super) fn said(&self) -> String {
        let Self { host, state, status } = self;
        let disabled = if status == "disabled" { ", and disabled" } else { "" };
        format!("nova-compute on {host} is {state}{disabled}")
    }
}

/// A key pair as Nova lists it (`GET /os-keypairs`: each under a key of its own).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedKeypair {
    pub(crate) name: String,
    pub(crate) public_key: String,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) keypair: ListedKeypair,
}

/// The `quota_set` of Nova (`GET /os-quota-sets/{project}/detail`) and of Cinder (`?usage=true`): for
/// each resource its limit, -1 for none, and its use. The project's id stands beside them.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Usage(BTreeMap<String, Value>);

#[derive(Deserialize)]
struct Used {
    limit: i64,
    #[serde(default)]
    in_use: u64,
    #[serde(default)]
    reserved: u64,
}

impl Usage {
    /// Returns the resources' quotas.
    pub(crate) fn quotas(self) -> Vec<Quota> {
        let quota = |(resource, value): (String, Value)| {
            let Used { limit, in_use, reserved } = serde_json::from_value(value).ok()?;
            Some(Quota::new(resource, u64::try_from(limit).ok(), in_use + reserved))
        };
        self.0.into_iter().filter_map(quota).collect()
    }
}
