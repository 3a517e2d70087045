//! What this cloud decided, as data.

use std::{collections::BTreeMap, net::IpAddr};

use omega_openstack::network::Cidr;
use serde::Deserialize;

/// What a bundle is checked against: the values of the decisions, unless the site file says otherwise in `[lint]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// The channels that are right for a charm, in the place of those of D-002.
    pub channels: BTreeMap<String, Vec<String>>,
    /// The release of OpenStack that `openstack-origin` and `source` name (D-001).
    pub release: String,
    /// The release of Ceph (D-005).
    pub ceph: String,
    /// The charms that have a virtual IP and hacluster (D-009, without Designate: D-019).
    pub clustered: Vec<String>,
    /// The networks of which each clustered API has a virtual IP: provider and metal (D-020).
    #[serde(deserialize_with = "cidrs")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub vip_networks: Vec<Cidr>,
    /// The ranges that Neutron takes floating IPs from (D-003): no virtual IP is in one.
    pub allocation_pools: Vec<AddressRange>,
    /// `reserved-host-memory` of nova-compute, in MB (D-040).
    pub reserved_host_memory: u32,
    /// `resume-guests-state-on-host-boot` of nova-compute, if the site has decided D-043.
    pub resume_guests: Option<bool>,
    /// The space of the public APIs (D-003, D-007).
    pub public_space: String,
    /// The subnet that the management cluster's server is on (D-035).
    #[serde(deserialize_with = "cidr")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub management_subnet: Option<Cidr>,
    /// The minor version of the management cluster's Kubernetes (D-035: snap channel 1.32-classic).
    pub management_kubernetes: String,
}

/// The first and the last address of a range: `10.12.4.10-10.12.4.223`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct AddressRange {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl AddressRange {
    /// Returns whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&address) && address.is_ipv4() == self.first.is_ipv4()
    }
}

impl TryFrom<String> for AddressRange {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_once('-').and_then(|(first, last)| {
            Some(Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
        });
        let is_range = |range: &Self| {
            range.first <= range.last && range.first.is_ipv4() == range.last.is_ipv4()
        };
        parsed
            .filter(is_range)
            .ok_or_else(|| format!("{text:?} is no range of addresses (10.12.4.10-10.12.4.223)"))
    }
}

impl std::fmt::Display for AddressRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

fn cidr<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Cidr>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn cidrs<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Cidr>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

/// The charms of OpenStack proper, whose track is the release's (D-002). Vault stands there too, and again
/// in a separate row: it has no such track.
const CORE: [&str; 21] = [
    "keystone",
    "glance",
    "nova-cloud-controller",
    "nova-compute",
    "neutron-api",
    "neutron-api-plugin-ovn",
    "cinder",
    "cinder-ceph",
    "placement",
    "octavia",
    "octavia-dashboard",
    "octavia-diskimage-retrofit",
    "barbican",
    "barbican-vault",
    "designate",
    "designate-bind",
    "magnum",
    "magnum-dashboard",
    "openstack-dashboard",
    "glance-simplestreams-sync",
    "keystone-ldap",
];
/// The rest of D-002, with the tracks of an official release beside the document's where they differ:
/// canonical/charmed-openstack-upgrader, `openstack_to_track_mapping.csv`; openstack-charmers/charmed-openstack-info.
const OTHERS: [(&str, &[&str]); 10] = [
    ("ovn-central", &["24.03/stable"]),
    ("ovn-chassis", &["24.03/stable"]),
    ("ovn-dedicated-chassis", &["24.03/stable"]),
    ("mysql-innodb-cluster", &["8.0/stable"]),
    ("mysql-router", &["8.0/stable"]),
    ("rabbitmq-server", &["3.9/stable"]),
    ("vault", &["1.8/stable"]),
    ("hacluster", &["2.4/stable"]),
    ("etcd", &["latest/stable"]),
    ("easyrsa", &["latest/stable"]),
];
/// What differs on Ubuntu 24.04, which D-002 does not have (openstack/charm-guide
/// getting-started/bundle-noble-2024.1.yaml; openstack-charmers/charmed-openstack-info lp-builder-config).
const NOBLE: [(&str, &str); 2] = [("rabbitmq-server", "3.12/stable"), ("hacluster", "2.8/stable")];
const CLUSTERED: [&str; 11] = [
    "keystone",
    "glance",
    "neutron-api",
    "nova-cloud-controller",
    "placement",
    "openstack-dashboard",
    "cinder",
    "octavia",
    "barbican",
    "magnum",
    "vault",
];

impl Policy {
    /// Returns the channels that are right for a charm on a base, if it has a row in the matrix.
    pub fn channels_of(&self, charm: &str, base: &str) -> Option<Vec<String>> {
        if let Some(own) = self.channels.get(charm) {
            return Some(own.clone()).filter(|own| !own.is_empty());
        }
        if charm.starts_with("ceph-") {
            return Some(vec![format!("{}/stable", self.ceph)]);
        }
        let on_noble = base.contains("24.04") || base == "noble";
        if let Some((_, channel)) = NOBLE.iter().find(|(name, _)| on_noble && *name == charm) {
            return Some(vec![(*channel).to_owned()]);
        }
        let (_, others) = OTHERS.iter().find(|(name, _)| *name == charm).unwrap_or(&("", &[]));
        let channels = if CORE.contains(&charm) { &["2024.1/stable"] } else { *others };
        (!channels.is_empty()).then(|| channels.iter().map(|one| (*one).to_owned()).collect())
    }
}

impl Default for Policy {
    fn default() -> Self {
        let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let network = |text: &str| text.parse::<Cidr>().ok();
        let pool = AddressRange::try_from("10.12.4.10-10.12.4.223".to_owned()).ok();
        Self {
            channels: BTreeMap::new(),
            release: "caracal".to_owned(),
            ceph: "squid".to_owned(),
            clustered: list(&CLUSTERED),
            vip_networks: ["10.12.4.0/22", "10.12.8.0/22"]
                .into_iter()
                .filter_map(network)
                .collect(),
            allocation_pools: pool.into_iter().collect(),
            reserved_host_memory: 8192,
            resume_guests: None,
            public_space: "provider".to_owned(),
            management_subnet: network("10.20.0.0/24"),
            management_kubernetes: "1.32".to_owned(),
        }
    }
}
