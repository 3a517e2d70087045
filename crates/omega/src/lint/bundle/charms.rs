//! The charms of a Charmed OpenStack cloud, by their own metadata.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// `docs/charms.md` says where it is from.
const DATA: &str = include_str!("../../../data/charms.json");

/// What is known of charms.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Charms {
    /// When the metadata was read.
    pub read: String,
    /// The charms, by name.
    pub charms: BTreeMap<String, Charm>,
}

/// A charm's metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Charm {
    /// Whether all its layers are known: if not, nothing is said of options and endpoints that are missing
    /// here.
    pub complete: bool,
    /// Whether its units live beside those of another charm.
    pub subordinate: bool,
    /// The interfaces of its endpoints.
    pub provides: BTreeMap<String, String>,
    /// The same of those that it requires.
    pub requires: BTreeMap<String, String>,
    /// The same of those between its units.
    pub peers: BTreeMap<String, String>,
    /// Its bindings beside its endpoints.
    pub bindings: Vec<String>,
    /// Its options.
    pub options: BTreeMap<String, CharmOption>,
}

/// An option of a charm.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct CharmOption {
    /// `string`, `int`, `boolean`, `float` or `secret`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its default.
    pub default: Option<serde_json::Value>,
}

static KNOWN: LazyLock<Charms> = LazyLock::new(|| serde_json::from_str(DATA).unwrap_or_default());

impl Charms {
    /// Returns the charms that omega knows.
    pub fn known() -> &'static Self {
        &KNOWN
    }

    /// Returns a charm.
    pub fn get(&self, name: &str) -> Option<&Charm> {
        self.charms.get(name)
    }
}

impl Charm {
    /// Returns the interface of an endpoint that other charms can be related to.
    pub fn interface(&self, endpoint: &str) -> Option<&str> {
        // Every charm provides it.
        let implicit = (endpoint == "juju-info").then_some("juju-info");
        self.provides
            .get(endpoint)
            .or_else(|| self.requires.get(endpoint))
            .map(String::as_str)
            .or(implicit)
    }

    /// Returns the names of its endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.provides.keys().chain(self.requires.keys()).map(String::as_str)
    }

    /// Returns the names that can be bound to a space.
    pub fn bindable(&self) -> impl Iterator<Item = &str> {
        self.endpoints()
            .chain(self.peers.keys().map(String::as_str))
            .chain(self.bindings.iter().map(String::as_str))
    }
}
