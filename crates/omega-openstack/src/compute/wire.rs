//! The parts of Nova's JSON that are read here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud_inventory::Quota;

/// A flavor (`GET /flavors/detail`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flavor {
    /// Its id: any text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many virtual CPUs a server gets.
    pub vcpus: u64,
    /// How much memory it gets, in MiB.
    pub ram: u64,
}

impl Flavor {
    /// Returns whether the text names it, as the driver compares it: by id or by name.
    pub fn is(&self, text: &str) -> bool {
        self.id == text || self.name == text
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
