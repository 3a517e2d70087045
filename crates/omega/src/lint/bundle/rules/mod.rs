//! One file for each rule.

mod amphora;
mod base;
mod binding;
mod bridge_mappings;
mod ceph_release;
mod channel;
mod charm_options;
mod cluster_count;
mod database_units;
mod designate;
mod dual_vips;
mod endpoint;
mod gui_position;
mod hacluster;
mod image_sync;
mod juju_merge;
mod magnum_bindings;
mod magnum_relations;
mod openstack_release;
mod osd_devices;
mod ovn_binding;
mod ovn_source;
mod placement;
mod public_hostname;
mod relation_application;
mod reserved_host_memory;
mod resume_guests;
mod subordinate_units;
mod vault_storage;
mod vip_pool;
mod vip_twice;

pub(crate) use channel::wrong_channel;

use super::{super::Rule, Application, Hit, Input, Problem, ProblemKind};

type Check = fn(&Input<'_>) -> Vec<Hit>;

/// Every rule, in the order of the decisions; then what Juju and the charms ask for.
pub(super) const ALL: [(Rule, Check); 31] = [
    (openstack_release::RULE, openstack_release::check),
    (channel::RULE, channel::check),
    (ovn_source::RULE, ovn_source::check),
    (vip_pool::RULE, vip_pool::check),
    (ceph_release::RULE, ceph_release::check),
    (vault_storage::RULE, vault_storage::check),
    (magnum_relations::RULE, magnum_relations::check),
    (magnum_bindings::RULE, magnum_bindings::check),
    (public_hostname::RULE, public_hostname::check),
    (hacluster::RULE, hacluster::check),
    (cluster_count::RULE, cluster_count::check),
    (designate::RULE, designate::check),
    (dual_vips::RULE, dual_vips::check),
    (amphora::RULE, amphora::check),
    (image_sync::RULE, image_sync::check),
    (reserved_host_memory::RULE, reserved_host_memory::check),
    (resume_guests::RULE, resume_guests::check),
    (relation_application::RULE, relation_application::check),
    (osd_devices::RULE, osd_devices::check),
    (ovn_binding::RULE, ovn_binding::check),
    (gui_position::RULE, gui_position::check),
    (bridge_mappings::RULE, bridge_mappings::check),
    (vip_twice::RULE, vip_twice::check),
    (database_units::RULE, database_units::check),
    (endpoint::RULE, endpoint::check),
    (charm_options::RULE, charm_options::check),
    (binding::RULE, binding::check),
    (subordinate_units::RULE, subordinate_units::check),
    (placement::RULE, placement::check),
    (juju_merge::RULE, juju_merge::check),
    (base::RULE, base::check),
];

/// Returns the virtual IPs of an application, as they are written.
fn vips(application: &Application) -> Vec<&str> {
    let vip = application.option_text("vip");
    // `include-file://...`: Juju puts in what the file has.
    let written = vip.filter(|text| !text.starts_with("include-"));
    written.map(|text| text.split_whitespace().collect()).unwrap_or_default()
}
