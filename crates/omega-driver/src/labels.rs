//! The labels of a cluster or template that the driver reads, and the image properties it requires.
//!
//! It requires no label, and silently ignores labels that it does not read.

use omega_core::nearest_name;

use crate::DriverRelease;

/// The label with the chart's version. The driver reads it from the template only (1.4.0,
/// `driver.py:551`).
pub const CHART_VERSION: &str = "capi_helm_chart_version";
/// The label with the CIDRs that may reach the API. The driver passes it on as
/// `apiServer.allowedCidrs` (1.4.0, `driver.py:1201`, and in all releases). Before 1.4.0 it is read
/// from the cluster only (1.3.0, `driver.py`, `_get_allowed_cidrs`), to which Magnum copies the
/// template's labels.
pub const ALLOWED_CIDRS: &str = "api_master_lb_allowed_cidrs";
/// The properties that an image must have (`driver.py`, `_get_kube_version`, `_get_os_distro`, all
/// releases). Without one of them, the create of a cluster fails.
pub const IMAGE_PROPERTIES: [&str; 2] = ["kube_version", "os_distro"];

/// The labels that every known release reads.
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

/// Returns the label that was probably meant by `label`, of those that a release reads.
pub fn nearest_label(label: &str) -> Option<&'static str> {
    let later =
        ["master_lb_floating_ip_enabled", "csi_cinder_volume_binding_mode", "extra_network_names"];
    nearest_name(label, ALWAYS.into_iter().chain(later))
}

/// Returns what this driver reads instead of a label of Magnum's other drivers.
pub fn read_instead_of(label: &str) -> Option<&'static str> {
    match label {
        "kube_tag" => Some("the image's property kube_version"),
        _ => None,
    }
}

impl DriverRelease {
    /// Returns whether it reads the label.
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
        assert!(read_instead_of("kube_tag").is_some() && read_instead_of("kube_tags").is_none());
        let reads =
            |release: &str, label| release.parse::<DriverRelease>().unwrap().reads_label(label);
        assert!(!reads("1.3.0", "extra_network_names") && reads("1.4.1", "extra_network_names"));
        assert!(reads("1.0.0", "fixed_subnet_cidr"), "it is taken for 1.1.0");
    }

    /// 1.4.0 has an option for each label that it reads, and raises an exception for any other. The
    /// deprecated label also is the name of an option (`conf.py:332`).
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
