//! The content of a cluster template that omega creates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Template;

/// A cluster template as the driver needs it, with names as Magnum's API accepts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// An image with the properties `os_distro` and `kube_version`.
    pub image: String,
    /// The network for floating IPs.
    pub external_network: String,
    /// The workers' flavor.
    pub flavor: String,
    /// The control plane's flavor.
    pub master_flavor: String,
    /// Always set: without it Magnum uses flannel, and the chart then installs no network plugin
    /// at all.
    #[serde(default)]
    pub network_driver: NetworkDriver,
    /// The DNS server of the nodes' network.
    #[serde(default)]
    pub dns_nameserver: Option<String>,
    /// Labels, which the driver reads.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A network driver that the chart installs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkDriver {
    /// Calico.
    #[default]
    Calico,
}

impl NetworkDriver {
    fn name(self) -> &'static str {
        match self {
            Self::Calico => "calico",
        }
    }
}

impl TemplateSpec {
    pub(super) fn body(&self, name: &str) -> Value {
        let mut body = Map::new();
        for (key, value) in [
            ("name", name),
            ("coe", "kubernetes"),
            ("image_id", &self.image),
            ("external_network_id", &self.external_network),
            ("flavor_id", &self.flavor),
            ("master_flavor_id", &self.master_flavor),
            ("network_driver", self.network_driver.name()),
        ] {
            body.insert(key.to_owned(), json!(value));
        }
        if let Some(server) = &self.dns_nameserver {
            body.insert("dns_nameserver".to_owned(), json!(server));
        }
        body.insert("labels".to_owned(), json!(self.labels));
        Value::Object(body)
    }

    /// Returns the difference to `template`, among the values that Magnum itself may have set.
    pub(super) fn difference(&self, made: &Template) -> Option<String> {
        let driver = made.network_driver.as_deref().unwrap_or("none");
        let wanted = self.network_driver.name();
        (driver != wanted).then(|| format!("its network driver is {driver}, not {wanted}"))
    }
}
