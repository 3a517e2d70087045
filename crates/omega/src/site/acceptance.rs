//! `[acceptance]`: what the acceptance bar needs to know of a site, beyond what the other tables say.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use omega_core::Failure;
use omega_openstack::container_infra::deserialize_labels;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{
    contradiction::no_web_address,
    expected::usage,
    file::deadline,
    prove::prove_within,
    reading::{Mistake, keys},
};

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
    #[serde(default, deserialize_with = "address")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub horizon: Option<Url>,
    /// A server on a tenant network, by SSH.
    pub tenant: Option<Machine>,
    /// The address that it must reach; by default the catalog's public endpoint of Keystone.
    #[serde(default, deserialize_with = "address")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub tenant_address: Option<Url>,
    /// A cluster that Magnum created.
    pub cluster: Option<String>,
    /// The cluster that the run creates, and deletes again, instead of `cluster`.
    pub create_cluster: Option<NewCluster>,
    /// Whether the load balancer of that cluster's API is failed over: an outage of the API.
    #[serde(default)]
    pub failover: bool,
    /// The image of the throw-away pods behind a service of type `LoadBalancer`, with `/agnhost netexec`
    /// in it. Default: the runbook's, registry.k8s.io/e2e-test-images/agnhost:2.40.
    pub load_balancer_image: Option<String>,
    /// The address of each unit of Vault (`https://10.12.8.11:8200`).
    #[serde(default, deserialize_with = "addresses")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub vault: Vec<Url>,
    /// The CA of Vault's own certificates, a PEM file. Default: the machine's CAs.
    pub vault_ca: Option<PathBuf>,
    /// The machines that run the cloud's virtual machines.
    #[serde(default)]
    pub hypervisor: Vec<Hypervisor>,
}

impl Acceptance {
    /// Checks what contradicts itself.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Usage`](omega_core::FailureClass::Usage), and says what to correct.
    pub fn check(&self) -> Result<(), Failure> {
        self.mistakes().into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Returns what contradicts itself, and its place.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let Some(new) = &self.create_cluster else { return Vec::new() };
        let at = |key| keys(["acceptance", "create_cluster", key]);
        let mut found = Vec::new();
        if self.cluster.is_some() {
            let what = "the site file names a cluster, and says that one is to be created";
            let next = "remove `cluster` or [acceptance.create_cluster]";
            found.push((keys(["acceptance", "cluster"]), usage(what, next)));
        }
        if new.master_count.is_multiple_of(2) {
            let what = "master_count in [acceptance.create_cluster] is not odd";
            found.push((at("master_count"), usage(what, "1, 3 or 5: etcd needs an odd number")));
        }
        let what = "[acceptance.create_cluster] lacks a template or workers";
        if new.template.trim().is_empty() {
            found.push((at("template"), usage(what, "name a template")));
        }
        if new.node_count == 0 {
            found.push((at("node_count"), usage(what, "write a node_count of at least 1")));
        }
        found
    }
}

/// A cluster that a run creates for itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewCluster {
    /// Its template, by name or id.
    pub template: String,
    /// The key pair of the user who logs in.
    pub keypair: Option<String>,
    /// Machines of the control plane: 1, 3 or 5. Default: 1.
    #[serde(default = "one")]
    pub master_count: u32,
    /// Workers. Default: 2.
    #[serde(default = "two")]
    pub node_count: u32,
    /// Labels beside those of the template.
    #[serde(default, deserialize_with = "deserialize_labels")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "BTreeMap<String, omega_openstack::container_infra::LabelValue>")
    )]
    pub labels: BTreeMap<String, String>,
    /// How long its creation may take (`30m`).
    #[serde(default = "prove_within", deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub within: Duration,
    /// How long it may take from there until its nodes and addons work (`10m`).
    #[serde(default = "settle_within", deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub settle_within: Duration,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    WebAddress::deserialize(from).map(|address| Some(address.0))
}

fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Url>, D::Error> {
    Vec::<WebAddress>::deserialize(from).map(|all| all.into_iter().map(|one| one.0).collect())
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct WebAddress(Url);

impl TryFrom<String> for WebAddress {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| no_web_address().message)
    }
}

fn settle_within() -> Duration {
    Duration::from_mins(10)
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
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
