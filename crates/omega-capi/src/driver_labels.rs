//! Which labels of a cluster or template the driver looks at.

use crate::Driver;

/// Read by every release that is known.
const ALWAYS: [&str; 26] = [
    "api_master_lb_allowed_cidrs",
    "auto_healing_enabled",
    "auto_scaling_enabled",
    "boot_volume_size",
    "boot_volume_type",
    "capi_helm_chart_version",
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
pub(crate) fn first_to_read(label: &str) -> Option<Driver> {
    match label {
        "master_lb_floating_ip_enabled" => Some(Driver::V1_3_0),
        "csi_cinder_volume_binding_mode" | "extra_network_names" => Some(Driver::V1_4_0),
        _ => ALWAYS.contains(&label).then_some(Driver::V1_1_0),
    }
}

#[cfg(test)]
mod tests {
    use super::first_to_read;
    use crate::Driver;

    #[test]
    fn a_label_is_read_from_a_release_on() {
        assert_eq!(first_to_read("fixed_subnet_cidr"), Some(Driver::V1_1_0));
        assert_eq!(first_to_read("master_lb_floating_ip_enabled"), Some(Driver::V1_3_0));
        assert_eq!(first_to_read("extra_network_names"), Some(Driver::V1_4_0));
        assert_eq!(first_to_read("extra_network_name"), Some(Driver::V1_1_0));
        for nobodys in ["kube_tag", "fixed_subnet_cidrs", "Fixed_subnet_cidr", ""] {
            assert_eq!(first_to_read(nobodys), None, "{nobodys}");
        }
    }
}
