//! Which labels of a cluster or template the driver looks at, and what it wants of an image.
//!
//! It requires no label. What it requires are two properties of the template's image
//! ([`IMAGE_PROPERTIES`]). A label that it does not look at is ignored without a word.

use crate::DriverRelease;

/// The label that names the chart's version. It is read of the template only (1.4.0,
/// `driver.py:551`).
pub const CHART_VERSION: &str = "capi_helm_chart_version";
/// The label that names who may reach the API. The driver sends `apiServer.allowedCidrs` (1.4.0,
/// `driver.py:1201`, and in all releases). Before 1.4.0 it is read of the cluster only (1.3.0,
/// `driver.py`, `_get_allowed_cidrs`), to which Magnum copies the template's labels.
pub const ALLOWED_CIDRS: &str = "api_master_lb_allowed_cidrs";
/// The properties that an image must have (`driver.py`, `_get_kube_version`, `_get_os_distro`, all
/// releases): without one of them a create fails.
pub const IMAGE_PROPERTIES: [&str; 2] = ["kube_version", "os_distro"];

/// Read by every release that is known.
const ALWAYS: [&str; 26] = [
    ALLOWED_CIDRS,
    "auto_healing_enabled",
    "auto_scaling_enabled",
    "boot_volume_size",
    "boot_volume_type",
    CHART_VERSION,
    "csi_cinder_allow_volume_expansion",
    "csi_cinder_availability_zone",
    "csi_cinder_fstype",
    "csi_cinder_reclaim_policy",
    "etcd_blockdevice_size",
    "etcd_blockdevice_type",
    "etcd_blockdevice_volume_az",
    "etcd_blockdevice_volume_type",
    "etcd_volume_size",
    "etcd_volume_type",
    "extra_network_name",
    "fixed_subnet_cidr",
    "keystone_auth_enabled",
    "kube_dashboard_enabled",
    "max_node_count",
    "min_node_count",
    "monitoring_enabled",
    "octavia_lb_algorithm",
    "octavia_lb_healthcheck",
    "octavia_provider",
];

/// Returns the first release that reads `label`, if any does.
///
/// Source: `magnum_capi_helm/driver.py` in the packages of 1.1.0, 1.2.0, 1.2.1, 1.3.0 and 1.4.0
/// (whose `conf.py` lists them).
pub fn first_to_read(label: &str) -> Option<DriverRelease> {
    match label {
        "master_lb_floating_ip_enabled" => Some(DriverRelease::v1_3_0()),
        "csi_cinder_volume_binding_mode" | "extra_network_names" => Some(DriverRelease::v1_4_0()),
        _ => ALWAYS.contains(&label).then(DriverRelease::v1_1_0),
    }
}

/// Returns what says what this label is often meant to say. Magnum's other drivers read it.
pub fn said_elsewhere(label: &str) -> Option<&'static str> {
    match label {
        "kube_tag" => Some("the image's property kube_version"),
        _ => None,
    }
}

impl DriverRelease {
    /// Returns whether it looks at the label.
    pub fn reads_label(&self, label: &str) -> bool {
        first_to_read(label).is_some_and(|first| first.source() <= self.source())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Section, options};

    #[test]
    fn a_label_is_read_from_a_release_on() {
        assert_eq!(first_to_read("fixed_subnet_cidr"), Some(DriverRelease::v1_1_0()));
        assert_eq!(first_to_read("master_lb_floating_ip_enabled"), Some(DriverRelease::v1_3_0()));
        assert_eq!(first_to_read("extra_network_names"), Some(DriverRelease::v1_4_0()));
        assert_eq!(first_to_read("extra_network_name"), Some(DriverRelease::v1_1_0()));
        for nobodys in ["kube_tag", "fixed_subnet_cidrs", "Fixed_subnet_cidr", ""] {
            assert_eq!(first_to_read(nobodys), None, "{nobodys}");
        }
        assert!(said_elsewhere("kube_tag").is_some() && said_elsewhere("kube_tags").is_none());
        let reads =
            |release: &str, label| release.parse::<DriverRelease>().unwrap().reads_label(label);
        assert!(!reads("1.3.0", "extra_network_names") && reads("1.4.1", "extra_network_names"));
        assert!(reads("1.0.0", "fixed_subnet_cidr"), "it is taken for 1.1.0");
    }

    /// 1.4.0 has an option for each label that it reads, and raises for any other. The name that
    /// it deprecates is that of an option too (`conf.py:332`).
    #[test]
    fn a_label_of_1_4_0_is_an_option() {
        let named = options(&DriverRelease::v1_4_0());
        let labels: Vec<&str> = named
            .iter()
            .filter(|option| option.section == Section::ClusterLabels)
            .map(|option| option.name)
            .collect();
        for label in &labels {
            assert!(DriverRelease::v1_4_0().reads_label(label), "{label}");
        }
        for label in ALWAYS.iter().filter(|label| **label != "extra_network_name") {
            assert!(labels.contains(label), "{label}");
        }
    }
}
