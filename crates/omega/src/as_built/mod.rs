//! What of a site really exists: one document, to keep and to compare.
//!
//! [`Surveyor::look`] reads a site and returns an [`AsBuilt`]; [`AsBuilt::markdown`] is the same as a page. Nothing
//! is written, and no secret is read: of files with secrets only digest, owner and mode.
//!
//! The order is always the same and times are in one place ([`Look`]), so two documents of an unchanged site
//! differ there alone.

mod cloud;
mod graft;
mod management;
mod markdown;
mod model;
mod part;
mod rows;
mod survey;

use jiff::Timestamp;
pub use part::{Part, Row, Unread};
pub use rows::{
    Application, Balancer, Cluster, ConductorFile, ConductorUnit, Controller, Endpoint,
    HelmRelease, Image, Kind, Machine, ManagementCluster, Network, Subnet, Template, Unit,
};
use serde::{Deserialize, Serialize};
pub use survey::Surveyor;

/// The version of the document's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// What of a site really exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AsBuilt {
    /// When, by whom and from where it was looked.
    pub look: Look,
    /// Juju's applications.
    pub applications: Part<Application>,
    /// Their units, each followed by its subordinates.
    pub units: Part<Unit>,
    /// Juju's machines, each followed by its containers.
    pub machines: Part<Machine>,
    /// The public, internal and admin addresses of the services.
    pub endpoints: Part<Endpoint>,
    /// The networks of the project, the external and the shared ones.
    pub networks: Part<Network>,
    /// Their subnets, with the pools that Neutron takes addresses from.
    pub subnets: Part<Subnet>,
    /// Images with a source that is known, or with the properties that Magnum reads.
    pub images: Part<Image>,
    /// The cluster templates of Magnum.
    pub templates: Part<Template>,
    /// The clusters of Magnum.
    pub clusters: Part<Cluster>,
    /// The load balancers of the project.
    pub balancers: Part<Balancer>,
    /// The graft on each unit of the conductor.
    pub conductor: Part<ConductorUnit>,
    /// The files of the graft on each unit.
    pub files: Part<ConductorFile>,
    /// The management cluster.
    pub management: Part<ManagementCluster>,
    /// Cluster API's controllers.
    pub controllers: Part<Controller>,
    /// The releases of helm on the management cluster.
    pub releases: Part<HelmRelease>,
    /// The kinds of Cluster API, and the versions that are served.
    pub kinds: Part<Kind>,
}

/// When, by whom and from where it was looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Look {
    /// When it began.
    pub at: Timestamp,
    /// omega's version.
    pub omega: String,
    /// The site file, as the operator named it.
    pub site: String,
    /// The digest of the site file, if it was a file.
    pub site_sha256: Option<String>,
    /// Who asked the cloud: the user of the token.
    pub user: Option<String>,
    /// The project of the token.
    pub project: Option<String>,
    /// The model of Juju, and the version of its agents.
    pub model: Option<String>,
    /// What tells this site from others: where its cloud is, its management cluster, and how each unit is
    /// reached.
    pub endpoints: omega_core::run::Endpoints,
}

impl AsBuilt {
    /// Returns what could not be read, with the title of its part, in the order of the document.
    pub fn unread(&self) -> Vec<(&'static str, &Unread)> {
        let all = [
            ("Applications", &self.applications.unread),
            ("Units", &self.units.unread),
            ("Machines", &self.machines.unread),
            ("Endpoints", &self.endpoints.unread),
            ("Networks", &self.networks.unread),
            ("Subnets", &self.subnets.unread),
            ("Images", &self.images.unread),
            ("Cluster templates", &self.templates.unread),
            ("Clusters", &self.clusters.unread),
            ("Load balancers", &self.balancers.unread),
            ("Conductor", &self.conductor.unread),
            ("Files of the graft", &self.files.unread),
            ("Management cluster", &self.management.unread),
            ("Controllers", &self.controllers.unread),
            ("Helm releases", &self.releases.unread),
            ("Served versions", &self.kinds.unread),
        ];
        all.into_iter().flat_map(|(of, unread)| unread.iter().map(move |one| (of, one))).collect()
    }
}

#[cfg(test)]
mod tests;
