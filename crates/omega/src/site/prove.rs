//! `[prove]` in the site file.

use std::{collections::BTreeMap, time::Duration};

use omega_openstack::container_infra::deserialize_labels;
use serde::Deserialize;

use super::file::deadline;

/// The parameters of a proof cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prove {
    /// The image: its properties `os_distro` and `kube_version` are required.
    pub image: String,
    /// The flavor of every node.
    pub flavor: String,
    /// The flavor of the control plane, if it is another one.
    pub master_flavor: Option<String>,
    /// The external network.
    pub external_network: String,
    /// The DNS servers of the nodes' network, separated by commas.
    pub dns_nameserver: Option<String>,
    /// Labels of the temporary template. A number or a boolean is taken for its text.
    #[serde(default, deserialize_with = "deserialize_labels")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "BTreeMap<String, omega_openstack::container_infra::LabelValue>")
    )]
    pub labels: BTreeMap<String, String>,
    /// The key pair.
    pub keypair: Option<String>,
    /// A template to use instead of a temporary one.
    pub template: Option<String>,
    /// How long a create may take (`30m`).
    #[serde(default = "prove_within", deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub within: Duration,
}

pub(super) fn prove_within() -> Duration {
    Duration::from_mins(30)
}
