//! Rows of the cloud: addresses and images.

use serde::{Deserialize, Serialize};

use super::super::Row;
use super::{text, yes};

/// An address of a service, from the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// The type of the service.
    pub service: String,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The region.
    pub region: Option<String>,
    /// The address.
    pub url: String,
}

impl Row for Endpoint {
    const COLUMNS: &'static [&'static str] = &["service", "interface", "region", "url"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.service.clone(),
            self.interface.clone(),
            text(self.region.as_ref()),
            self.url.clone(),
        ]
    }
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The id of its project.
    pub project: Option<String>,
    /// Whether floating IPs come from it.
    pub external: bool,
    /// Whether every project may use it.
    pub shared: bool,
    /// Its MTU.
    pub mtu: Option<u32>,
}

impl Row for Network {
    const COLUMNS: &'static [&'static str] =
        &["network", "id", "project", "external", "shared", "mtu"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.id.clone(),
            text(self.project.as_ref()),
            yes(self.external),
            yes(self.shared),
            text(self.mtu.as_ref()),
        ]
    }
}

/// A subnet of one of these networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subnet {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The name of its network.
    pub network: String,
    /// Its addresses.
    pub cidr: String,
    /// Its gateway.
    pub gateway: Option<String>,
    /// The ranges that Neutron takes addresses from: first and last.
    pub pools: Vec<String>,
    /// Its DNS servers.
    pub dns: Vec<String>,
}

impl Row for Subnet {
    const COLUMNS: &'static [&'static str] =
        &["subnet", "id", "network", "addresses", "gateway", "pools", "dns"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.id.clone(),
            self.network.clone(),
            self.cidr.clone(),
            text(self.gateway.as_ref()),
            self.pools.join(", "),
            self.dns.join(", "),
        ]
    }
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Image {
    /// Its name.
    pub name: Option<String>,
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: String,
    /// How it is stored.
    pub disk_format: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The property `os_distro`.
    pub os_distro: Option<String>,
    /// The property `kube_version`.
    pub kube_version: Option<String>,
    /// The SHA-512 of the bytes that it was made of, if omega staged it.
    pub source_sha512: Option<String>,
    /// The digest of what is stored, with its algorithm.
    pub stored_hash: Option<String>,
}

impl Row for Image {
    const COLUMNS: &'static [&'static str] = &[
        "image",
        "id",
        "status",
        "format",
        "bytes",
        "os_distro",
        "kube_version",
        "sha512 of the source",
        "digest of what is stored",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            text(self.name.as_ref()),
            self.id.clone(),
            self.status.clone(),
            text(self.disk_format.as_ref()),
            text(self.size.as_ref()),
            text(self.os_distro.as_ref()),
            text(self.kube_version.as_ref()),
            text(self.source_sha512.as_ref()),
            text(self.stored_hash.as_ref()),
        ]
    }
}
