//! `[network]` in the site file.

use std::collections::BTreeMap;

use omega_openstack::network::{Cidr, InvalidCidr};
use serde::{Deserialize, Deserializer};

/// The addresses of the site.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NetworkRanges {
    /// The pool that tenants' subnets are taken from (D-016).
    #[serde(deserialize_with = "prefix")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub pool: Option<Cidr>,
    /// Ranges that no tenant's subnet may overlap: metal, storage, provider.
    #[serde(deserialize_with = "prefixes")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub ranges: Vec<Cidr>,
    /// The subnets of the pool that were given to projects, by the project's name (D-016).
    #[serde(deserialize_with = "named_prefixes")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub tenants: BTreeMap<String, Cidr>,
}

/// Reads a range, which must have a length: an address alone would be a range of one.
fn prefix<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cidr>, D::Error> {
    Option::<Range>::deserialize(from).map(|range| range.map(|range| range.0))
}

fn prefixes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Cidr>, D::Error> {
    Vec::<Range>::deserialize(from).map(|all| all.into_iter().map(|range| range.0).collect())
}

fn named_prefixes<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Cidr>, D::Error> {
    let all = BTreeMap::<String, Range>::deserialize(from)?;
    Ok(all.into_iter().map(|(name, range)| (name, range.0)).collect())
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Range(Cidr);

impl TryFrom<String> for Range {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let cidr = text.parse().map(Self).map_err(|error: InvalidCidr| error.to_string())?;
        let lacks = || format!("{text:?} has no length (10.20.0.0/16)");
        text.contains('/').then_some(cidr).ok_or_else(lacks)
    }
}
