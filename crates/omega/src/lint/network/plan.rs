//! The address plan: every range and address that the site file, the bundle and Neutron name.

use std::{fmt, net::IpAddr};

use omega_openstack::network::Cidr;
use serde::{Deserialize, Serialize};

use super::super::{Position, bundle::AddressRange};

/// The address plan of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressPlan {
    /// The ranges: those of the site file, of the chart, of Neutron.
    pub ranges: Vec<PlannedRange>,
    /// What addresses are given out of.
    pub pools: Vec<PlannedPool>,
    /// The virtual IPs of the bundle.
    pub addresses: Vec<PlannedAddress>,
}

/// A range, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedRange {
    /// What it is for.
    pub kind: RangeKind,
    /// Its name.
    pub name: String,
    /// The range.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cidr: Cidr,
    /// Who says so.
    pub origin: Origin,
}

/// What a range is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RangeKind {
    /// A network with the virtual IPs of the APIs: provider, metal (`[lint] vip_networks`).
    Network,
    /// A range that no tenant may use (`[network] ranges`). Networks may be in it.
    Reserved,
    /// The pool that tenants' subnets are taken from (D-016).
    Pool,
    /// A subnet that was given to a project (`[network.tenants]`).
    Tenant,
    /// The nodes of clusters of a template, by its label `fixed_subnet_cidr`.
    Nodes,
    /// The pods of every cluster.
    Pods,
    /// The services of every cluster.
    Services,
    /// A subnet of an external network in Neutron.
    External,
    /// A subnet of a project in Neutron.
    Project,
    /// The subnet of Octavia's amphorae in Neutron.
    Amphorae,
    /// Where a host route of a subnet leads.
    Route,
}

/// A range that addresses are given out of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedPool {
    /// Its name.
    pub name: String,
    /// The addresses.
    pub range: AddressRange,
    /// Who says so.
    pub origin: Origin,
}

/// A virtual IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedAddress {
    /// Its application.
    pub application: String,
    /// The address.
    pub address: IpAddr,
    /// Where it is.
    pub position: Position,
}

/// Who says that a range is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Origin {
    /// `[network] pool`, `D-003`, `Neutron`.
    pub said_by: String,
    /// Where, if it is in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

impl Origin {
    /// Returns what a file says, at this place, or else a document's default.
    pub(super) fn of_site(key: &str, default: &str, position: Option<Position>) -> Self {
        let said_by = if position.is_some() { key } else { default };
        Self { said_by: said_by.to_owned(), position }
    }

    /// Returns what is written in no file of the site.
    pub(super) fn elsewhere(said_by: &str) -> Self {
        Self { said_by: said_by.to_owned(), position: None }
    }
}

impl PlannedRange {
    pub(super) fn new(
        kind: RangeKind,
        name: impl Into<String>,
        cidr: Cidr,
        origin: Origin,
    ) -> Self {
        Self { kind, name: name.into(), cidr, origin }
    }

    /// Returns whether Neutron has it.
    pub fn is_live(&self) -> bool {
        use RangeKind::{Amphorae, External, Project, Route};
        matches!(self.kind, External | Project | Amphorae | Route)
    }
}

/// `provider, 10.12.4.0/22 (D-003)`
impl fmt::Display for PlannedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} ({})", self.name, self.cidr, self.origin.said_by)
    }
}

impl RangeKind {
    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Reserved => "reserved range",
            Self::Pool => "tenants' pool",
            Self::Tenant => "tenant",
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Services => "services",
            Self::External => "external subnet",
            Self::Project => "project's subnet",
            Self::Amphorae => "amphorae",
            Self::Route => "host route",
        }
    }
}
