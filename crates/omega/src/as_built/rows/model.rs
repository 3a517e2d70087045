//! Rows of Juju's model.

use serde::{Deserialize, Serialize};

use super::super::Row;
use super::{text, yes};

/// An application of Juju.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its charm.
    pub charm: Option<String>,
    /// The channel that the charm follows.
    pub channel: Option<String>,
    /// The charm's revision.
    pub revision: Option<i64>,
    /// Its operating system.
    pub base: Option<String>,
    /// The version of the workload, as the charm reports it: of an OpenStack service its release.
    pub version: Option<String>,
    /// Whether it is a subordinate.
    pub subordinate: bool,
    /// How many units it has.
    pub units: usize,
}

impl Row for Application {
    const COLUMNS: &'static [&'static str] =
        &["application", "charm", "channel", "revision", "base", "version", "subordinate", "units"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            text(self.charm.as_ref()),
            text(self.channel.as_ref()),
            text(self.revision.as_ref()),
            text(self.base.as_ref()),
            text(self.version.as_ref()),
            yes(self.subordinate),
            self.units.to_string(),
        ]
    }
}

/// A unit of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// The unit that it is beside, if it is a subordinate.
    pub principal: Option<String>,
    /// Whether it is the leader of its application.
    pub leader: bool,
    /// Its machine.
    pub machine: Option<String>,
    /// Its public address.
    pub address: Option<String>,
}

impl Row for Unit {
    const COLUMNS: &'static [&'static str] = &["unit", "beside", "leader", "machine", "address"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            text(self.principal.as_ref()),
            yes(self.leader),
            text(self.machine.as_ref()),
            text(self.address.as_ref()),
        ]
    }
}

/// A machine or a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// Its id.
    pub id: String,
    /// Its host name.
    pub hostname: Option<String>,
    /// The id of its instance in Juju's cloud.
    pub instance: Option<String>,
    /// Its operating system.
    pub base: Option<String>,
    /// Its addresses, as Juju orders them.
    pub addresses: Vec<String>,
    /// What it is made of.
    pub hardware: Option<String>,
}

impl Row for Machine {
    const COLUMNS: &'static [&'static str] =
        &["machine", "host name", "instance", "base", "addresses", "hardware"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            text(self.hostname.as_ref()),
            text(self.instance.as_ref()),
            text(self.base.as_ref()),
            self.addresses.join(", "),
            text(self.hardware.as_ref()),
        ]
    }
}
