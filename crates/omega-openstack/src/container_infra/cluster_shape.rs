//! What a cluster is made of: what its template and its own values ask for.

use std::collections::BTreeMap;

use omega_driver::DriverRelease;
use serde_json::Value;

use super::{ClusterValues, Template, TemplateSpec};
use crate::network::DEFAULT_NODES;

/// What a cluster is made of, as the driver reads it. A label of the cluster takes the place of the
/// template's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterShape {
    /// The image, by name or id.
    pub image: String,
    /// The network for floating IPs, by name or id.
    pub external_network: String,
    /// The control plane's flavor, by name or id.
    pub master_flavor: Option<String>,
    /// The workers' flavor, by name or id.
    pub flavor: Option<String>,
    /// The key pair: the cluster's, or the template's.
    pub keypair: Option<String>,
    /// An existing network for the nodes.
    pub fixed_network: Option<String>,
    /// An existing subnet for the nodes.
    pub fixed_subnet: Option<String>,
    /// The DNS servers of the nodes, separated by commas.
    pub dns_nameserver: Option<String>,
    /// Machines of the control plane.
    pub masters: u64,
    /// Workers.
    pub workers: u64,
    /// The labels that the driver reads, with the site's defaults.
    pub labels: BTreeMap<String, String>,
}

/// Volumes of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeGroup {
    /// The label that asks for them.
    pub(crate) label: &'static str,
    pub(crate) count: u64,
    /// In GiB.
    pub(crate) size: u64,
    pub(crate) volume_type: Option<String>,
}

impl ClusterShape {
    /// Returns that of a cluster with these values of a template that Magnum has.
    pub fn of(template: &Template, values: &ClusterValues) -> Self {
        let fields = template.fields.clone();
        let text =
            |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let labels = template.labels.iter().flatten();
        Self {
            image: fields.image_id.unwrap_or_default(),
            external_network: fields.external_network_id.unwrap_or_default(),
            master_flavor: fields.master_flavor_id,
            flavor: fields.flavor_id,
            keypair: fields.keypair_id,
            fixed_network: fields.fixed_network,
            fixed_subnet: fields.fixed_subnet,
            dns_nameserver: fields.dns_nameserver,
            masters: 0,
            workers: 0,
            labels: labels.map(|(key, value)| (key.clone(), text(value))).collect(),
        }
        .with(values)
    }

    /// Returns that of a cluster with these values of a template that is to be made.
    pub fn of_spec(template: &TemplateSpec, values: &ClusterValues) -> Self {
        Self::of_template(template).with(values)
    }

    /// Returns what a template that is to be made names, without machines.
    pub fn of_template(template: &TemplateSpec) -> Self {
        let template = template.clone();
        Self {
            image: template.image,
            external_network: template.external_network,
            master_flavor: Some(template.master_flavor),
            flavor: Some(template.flavor),
            keypair: template.keypair,
            fixed_network: template.fixed_network,
            fixed_subnet: template.fixed_subnet,
            dns_nameserver: template.dns_nameserver,
            masters: 0,
            workers: 0,
            labels: template.labels,
        }
    }

    fn with(mut self, values: &ClusterValues) -> Self {
        self.labels.extend(values.labels.clone());
        Self {
            keypair: values.keypair.clone().or(self.keypair),
            masters: u64::from(values.master_count),
            workers: u64::from(values.node_count),
            ..self
        }
    }

    /// Leaves out the labels that `driver` does not read, and adds the site's defaults for labels
    /// (`[capi_helm_cluster_labels]`).
    #[must_use]
    pub fn read_by(mut self, driver: &DriverRelease, defaults: &BTreeMap<String, String>) -> Self {
        self.labels.retain(|label, _| driver.reads_label(label));
        for (label, value) in defaults {
            self.labels.entry(label.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// Returns whose flavor it is, and the flavor.
    pub(crate) fn flavors(&self) -> [(&'static str, Option<&str>); 2] {
        [("control plane", self.master_flavor.as_deref()), ("workers", self.flavor.as_deref())]
    }

    /// Returns whose machines they are, how many, and their flavor.
    pub(crate) fn machines(&self) -> [(&'static str, u64, Option<&str>); 2] {
        let [(masters, master), (workers, worker)] = self.flavors();
        [(masters, self.masters, master), (workers, self.workers, worker)]
    }

    /// Returns the volumes that are made with the cluster: none without these labels (1.4.0,
    /// `driver.py`, `_get_etcd_config` and `boot_volume_size`; Magnum's own default,
    /// `[cinder] default_boot_volume_size`, is 0 unless its configuration says otherwise).
    pub(crate) fn volumes(&self) -> Vec<VolumeGroup> {
        let of_type = |labels: &[&str]| {
            labels.iter().find_map(|label| self.label(label)).map(ToOwned::to_owned)
        };
        let boot = VolumeGroup {
            label: "boot_volume_size",
            count: self.masters + self.workers,
            size: self.number("boot_volume_size").unwrap_or_default(),
            volume_type: of_type(&["boot_volume_type"]),
        };
        let local = self.label("etcd_blockdevice_type") == Some("local");
        let etcd = self.number("etcd_blockdevice_size").or_else(|| self.number("etcd_volume_size"));
        let etcd = VolumeGroup {
            label: "etcd_blockdevice_size",
            count: self.masters,
            size: if local { 0 } else { etcd.unwrap_or_default() },
            volume_type: of_type(&["etcd_blockdevice_volume_type", "etcd_volume_type"]),
        };
        let all = [boot, etcd].into_iter();
        all.filter(|group| group.size > 0 && group.count > 0).collect()
    }

    /// Returns whether the cluster's API gets a floating IP: the driver's default. It ignores the
    /// template's `floating_ip_enabled`.
    pub(crate) fn api_has_floating_ip(&self) -> bool {
        let no = ["0", "f", "false", "off", "n", "no"];
        let label = self.label("master_lb_floating_ip_enabled").map(str::to_ascii_lowercase);
        !label.is_some_and(|text| no.contains(&text.trim()))
    }

    /// Returns whether the cluster gets a network, a subnet and a router of its own.
    pub fn has_own_network(&self) -> bool {
        self.fixed_network.is_none() && self.fixed_subnet.is_none()
    }

    /// Returns whether the range of the network that is made is named.
    pub fn names_node_cidr(&self) -> bool {
        self.label("fixed_subnet_cidr").is_some()
    }

    /// Returns the range of the network that is made (1.4.0, `conf.py`: the default of the label).
    pub fn node_cidr(&self) -> &str {
        self.label("fixed_subnet_cidr").unwrap_or(DEFAULT_NODES)
    }

    /// Returns its DNS servers, as they are written.
    pub fn dns_servers(&self) -> impl Iterator<Item = &str> {
        let all = self.dns_nameserver.as_deref().unwrap_or_default().split(',');
        all.map(str::trim).filter(|one| !one.is_empty())
    }

    /// `gp.mid, capi.node`
    pub(crate) fn flavors_named(&self) -> String {
        let [(_, master), (_, worker)] = self.flavors();
        let (master, worker) = (master.unwrap_or("none"), worker.unwrap_or("none"));
        if master == worker { master.to_owned() } else { format!("{master}, {worker}") }
    }

    pub(crate) fn node_network_named(&self) -> String {
        let existing = self.fixed_subnet.as_ref().or(self.fixed_network.as_ref());
        existing.cloned().unwrap_or_else(|| self.node_cidr().to_owned())
    }

    fn label(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn number(&self, label: &str) -> Option<u64> {
        self.label(label)?.trim().parse().ok()
    }
}
