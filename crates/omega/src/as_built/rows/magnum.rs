//! Rows of Magnum and of its conductor.

use serde::{Deserialize, Serialize};

use super::super::Row;
use super::text;

/// A cluster template of Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uuid: String,
    /// The image, as it was given.
    pub image: Option<String>,
    /// The network driver.
    pub network_driver: Option<String>,
    /// The external network, as it was given.
    pub external_network: Option<String>,
    /// The flavor of the control plane.
    pub master_flavor: Option<String>,
    /// The flavor of the workers.
    pub flavor: Option<String>,
    /// The key pair.
    pub keypair: Option<String>,
    /// The DNS server.
    pub dns: Option<String>,
    /// Its labels, as `key=value`.
    pub labels: Vec<String>,
}

impl Row for Template {
    const COLUMNS: &'static [&'static str] = &[
        "template",
        "id",
        "image",
        "network",
        "external network",
        "master flavor",
        "flavor",
        "key pair",
        "dns",
        "labels",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.uuid.clone(),
            text(self.image.as_ref()),
            text(self.network_driver.as_ref()),
            text(self.external_network.as_ref()),
            text(self.master_flavor.as_ref()),
            text(self.flavor.as_ref()),
            text(self.keypair.as_ref()),
            text(self.dns.as_ref()),
            self.labels.join(", "),
        ]
    }
}

/// A cluster of Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uuid: String,
    /// Its driver's name for it: the helm release.
    pub stack: Option<String>,
    /// The id of its project.
    pub project: Option<String>,
    /// The name of its template, or its id.
    pub template: String,
    /// Machines of the control plane.
    pub masters: Option<u32>,
    /// Workers.
    pub workers: Option<u32>,
    /// Its status.
    pub status: Option<String>,
    /// The result of Magnum's last poll.
    pub health: Option<String>,
    /// The address of its API.
    pub api: Option<String>,
    /// Its labels, as `key=value`.
    pub labels: Vec<String>,
}

impl Row for Cluster {
    const COLUMNS: &'static [&'static str] = &[
        "cluster", "id", "stack", "project", "template", "masters", "workers", "status", "health",
        "api", "labels",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.uuid.clone(),
            text(self.stack.as_ref()),
            text(self.project.as_ref()),
            self.template.clone(),
            text(self.masters.as_ref()),
            text(self.workers.as_ref()),
            text(self.status.as_ref()),
            text(self.health.as_ref()),
            text(self.api.as_ref()),
            self.labels.join(", "),
        ]
    }
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Balancer {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The cluster that it belongs to, if one is known.
    pub cluster: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Its floating IP.
    pub floating_ip: Option<String>,
    /// Its provisioning status.
    pub provisioning: String,
    /// Its operating status.
    pub operating: String,
    /// Its amphorae: role and status.
    pub amphorae: Vec<String>,
}

impl Row for Balancer {
    const COLUMNS: &'static [&'static str] = &[
        "load balancer",
        "id",
        "cluster",
        "provider",
        "address",
        "floating IP",
        "provisioning",
        "operating",
        "amphorae",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.id.clone(),
            text(self.cluster.as_ref()),
            text(self.provider.as_ref()),
            text(self.address.as_ref()),
            text(self.floating_ip.as_ref()),
            self.provisioning.clone(),
            self.operating.clone(),
            self.amphorae.join(", "),
        ]
    }
}

/// The graft on a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConductorUnit {
    /// The unit.
    pub unit: String,
    /// Magnum's version, as its interpreter has it.
    pub magnum: Option<String>,
    /// The interpreter and its version.
    pub python: Option<String>,
    /// Every distribution of the driver, with its directory.
    pub driver: Vec<String>,
    /// The helm that the daemon finds: path, version and digest.
    pub helm: Option<String>,
    /// The user of the conductor.
    pub user: Option<String>,
    /// The arguments of the next start, from the init script.
    pub start: Option<String>,
    /// The command line of the running conductor.
    pub running: Option<String>,
    /// The options of `[capi_helm]` that the conductor reads, as `key=value`.
    pub options: Vec<String>,
    /// The digest of its kubeconfig, the API server and the end of the credential, as far as they are known.
    pub kubeconfig: Option<String>,
}

impl Row for ConductorUnit {
    const COLUMNS: &'static [&'static str] = &[
        "unit",
        "magnum",
        "python",
        "driver",
        "helm",
        "user",
        "next start",
        "running",
        "capi_helm",
        "kubeconfig",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.unit.clone(),
            text(self.magnum.as_ref()),
            text(self.python.as_ref()),
            self.driver.join(", "),
            text(self.helm.as_ref()),
            text(self.user.as_ref()),
            text(self.start.as_ref()),
            text(self.running.as_ref()),
            self.options.join(", "),
            text(self.kubeconfig.as_ref()),
        ]
    }
}

/// A file of the graft on a unit, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConductorFile {
    /// The unit.
    pub unit: String,
    /// The path.
    pub path: String,
    /// What is there: a file, a link, nothing.
    pub what: String,
    /// Owner and group.
    pub owner: Option<String>,
    /// The permission bits.
    pub mode: Option<String>,
    /// The size in bytes.
    pub size: Option<u64>,
    /// The digest.
    pub sha256: Option<String>,
}

impl Row for ConductorFile {
    const COLUMNS: &'static [&'static str] =
        &["unit", "path", "what", "owner", "mode", "bytes", "sha256"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.unit.clone(),
            self.path.clone(),
            self.what.clone(),
            text(self.owner.as_ref()),
            text(self.mode.as_ref()),
            text(self.size.as_ref()),
            text(self.sha256.as_ref()),
        ]
    }
}
