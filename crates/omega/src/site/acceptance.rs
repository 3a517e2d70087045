//! `[acceptance]`: what the acceptance bar needs to know of a site, beyond what the other tables say.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

/// What the acceptance checks, and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acceptance {
    /// The core services, by their type in the catalog; `dashboard` is Horizon. Default: identity,
    /// key-manager, block-storage, image, container-infra, network, compute, load-balancer, placement,
    /// dashboard.
    pub core: Option<Vec<String>>,
    /// Accept public endpoints without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// Horizon's address.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub horizon: Option<Url>,
    /// A server on a tenant network, by SSH.
    pub tenant: Option<Machine>,
    /// The address that it must reach; by default the catalog's public endpoint of Keystone.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub tenant_address: Option<Url>,
    /// A cluster that Magnum created.
    pub cluster: Option<String>,
    /// Whether the load balancer of that cluster's API is failed over: an outage of the API.
    #[serde(default)]
    pub failover: bool,
    /// The image of the throw-away pods behind a service of type `LoadBalancer`, with `/agnhost netexec`
    /// in it. Default: the runbook's, registry.k8s.io/e2e-test-images/agnhost:2.40.
    pub load_balancer_image: Option<String>,
    /// The address of each unit of Vault (`https://10.12.8.11:8200`).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub vault: Vec<Url>,
    /// The CA of Vault's own certificates, a PEM file. Default: the machine's CAs.
    pub vault_ca: Option<PathBuf>,
    /// The machines that run the cloud's virtual machines.
    #[serde(default)]
    pub hypervisor: Vec<Hypervisor>,
}

/// A machine that is reached by SSH.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// `[user@]host[:port]`
    pub ssh: String,
    /// A jump host: `[user@]host[:port]`
    pub jump: Option<String>,
}

/// A machine that runs the cloud's virtual machines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hypervisor {
    /// `[user@]host[:port]`; this machine if not set.
    pub ssh: Option<String>,
    /// A jump host: `[user@]host[:port]`
    pub jump: Option<String>,
    /// The program; `virsh` if not set.
    pub virsh: Option<String>,
    /// The domains that must have snapshots.
    pub domains: Vec<String>,
    /// The snapshots that each of them must have. Default: any one.
    #[serde(default)]
    pub snapshots: Vec<String>,
}
