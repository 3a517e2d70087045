//! What `juju models`, `juju status`, `juju offers` and `juju storage` print as JSON, as far as it says
//! what a model holds.
//!
//! Sources: juju 3.6, `cmd/juju/controller/listmodels.go` (`ModelSummary`), `cmd/juju/status/formatted.go`,
//! `cmd/juju/crossmodel/list.go` (`ListOfferItem`), `cmd/juju/storage/list.go` (`CombinedStorage`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model, as `juju models` lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ListedModel {
    /// Its name with its owner: `admin/openstack`.
    pub name: String,
    /// Its name alone.
    pub short_name: String,
    /// Its id.
    #[serde(rename = "model-uuid")]
    pub uuid: String,
    /// The name of its controller in this client.
    pub controller_name: String,
    /// The id of its controller.
    pub controller_uuid: String,
    /// Whether it holds the controller itself.
    pub is_controller: bool,
    /// The cloud's name in juju.
    pub cloud: String,
    /// The kind of cloud (`maas`, `openstack`, `lxd`).
    #[serde(rename = "type")]
    pub cloud_type: String,
    /// `alive`, `dying` or `dead`.
    pub life: String,
    /// `available`, `destroying`.
    pub status: ModelStatus,
}

/// The status of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelStatus {
    /// The status.
    pub current: String,
    /// Its message, often empty.
    pub message: String,
}

impl ListedModel {
    /// Returns whether nobody has begun to destroy it.
    pub fn is_alive(&self) -> bool {
        !matches!(self.life.as_str(), "dying" | "dead")
    }

    /// Returns whether `text` names it: `openstack`, or `admin/openstack` with its owner.
    pub fn is_named(&self, text: &str) -> bool {
        self.name == text || self.short_name == text
    }

    /// Returns whether its machines are those of a MAAS.
    pub fn is_on_maas(&self) -> bool {
        self.cloud_type == "maas"
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Models {
    #[serde(default)]
    pub(super) models: Vec<ListedModel>,
}

/// What a model holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelContent {
    /// Its applications, by name.
    pub applications: Vec<HeldApplication>,
    /// Its machines, without containers.
    pub machines: Vec<HeldMachine>,
    /// What it offers to other models.
    pub offers: Vec<HeldOffer>,
    /// What it consumes of other models.
    pub consumes: Vec<Consumed>,
    /// Its storage.
    pub storage: Vec<HeldStorage>,
}

/// An application of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldApplication {
    /// Its name.
    pub name: String,
    /// The name of its charm.
    pub charm: String,
    /// The number of its units. A subordinate has none of its own.
    pub units: usize,
}

/// A machine of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldMachine {
    /// Its id in the model.
    pub id: String,
    /// Its id in its cloud: in MAAS the system id.
    pub instance: String,
    /// Its host name.
    pub hostname: String,
    /// The number of containers on it.
    pub containers: usize,
}

/// An application that other models may be related to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldOffer {
    /// Its name.
    pub name: String,
    /// Its address: `admin/openstack.mysql`.
    pub url: String,
    /// The relations to it.
    pub consumers: Vec<Consumer>,
}

/// A relation of another model to an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Consumer {
    /// The id of the other model.
    #[serde(rename(deserialize = "source-model-uuid"), alias = "model")]
    pub model: String,
    /// The user who related it.
    #[serde(rename(deserialize = "username"), alias = "user")]
    pub user: String,
    /// The offer's endpoint.
    pub endpoint: String,
}

/// An application of another model that this one is related to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Consumed {
    /// Its name in this model.
    pub name: String,
    /// The address of the offer.
    pub url: String,
}

/// A piece of storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldStorage {
    /// Its id: `osd-devices/0`.
    pub id: String,
    /// `block` or `filesystem`.
    pub kind: String,
    /// Whether it outlives the machine: juju destroys no model that has some, unless it is asked what is to
    /// become of it.
    pub persistent: bool,
}

/// `juju status --format json`, as far as it says what a model holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Status {
    applications: BTreeMap<String, Application>,
    machines: BTreeMap<String, Machine>,
    application_endpoints: BTreeMap<String, Remote>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Application {
    charm: String,
    charm_name: String,
    units: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Machine {
    instance_id: String,
    hostname: String,
    containers: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remote {
    url: String,
}

impl Status {
    /// Returns what it says, without offers and storage.
    pub(super) fn content(self) -> ModelContent {
        let application = |(name, one): (String, Application)| {
            let charm = if one.charm_name.is_empty() { one.charm } else { one.charm_name };
            HeldApplication { name, charm, units: one.units.len() }
        };
        let machine = |(id, one): (String, Machine)| HeldMachine {
            id,
            instance: one.instance_id,
            hostname: one.hostname,
            containers: one.containers.len(),
        };
        let consumed = |(name, one): (String, Remote)| Consumed { name, url: one.url };
        ModelContent {
            applications: self.applications.into_iter().map(application).collect(),
            machines: self.machines.into_iter().map(machine).collect(),
            consumes: self.application_endpoints.into_iter().map(consumed).collect(),
            ..ModelContent::default()
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Offer {
    offer_url: String,
    connections: Vec<Consumer>,
}

impl Offer {
    pub(super) fn named(self, name: String) -> HeldOffer {
        HeldOffer { name, url: self.offer_url, consumers: self.connections }
    }
}

/// `juju storage --format json`. Where there is none, juju prints nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Storage {
    storage: BTreeMap<String, Piece>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece {
    kind: String,
    persistent: bool,
}

impl Storage {
    pub(super) fn pieces(self) -> Vec<HeldStorage> {
        let piece = |(id, one): (String, Piece)| HeldStorage {
            id,
            kind: one.kind,
            persistent: one.persistent,
        };
        self.storage.into_iter().map(piece).collect()
    }
}
