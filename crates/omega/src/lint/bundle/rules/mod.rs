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

use super::{Application, Hit, Input, Problem, ProblemKind, Rule};

/// Every rule, in the order of the decisions; then what Juju and the charms ask for.
pub(super) const ALL: [Rule; 31] = [
    openstack_release::RULE,
    channel::RULE,
    ovn_source::RULE,
    vip_pool::RULE,
    ceph_release::RULE,
    vault_storage::RULE,
    magnum_relations::RULE,
    magnum_bindings::RULE,
    public_hostname::RULE,
    hacluster::RULE,
    cluster_count::RULE,
    designate::RULE,
    dual_vips::RULE,
    amphora::RULE,
    image_sync::RULE,
    reserved_host_memory::RULE,
    resume_guests::RULE,
    relation_application::RULE,
    osd_devices::RULE,
    ovn_binding::RULE,
    gui_position::RULE,
    bridge_mappings::RULE,
    vip_twice::RULE,
    database_units::RULE,
    endpoint::RULE,
    charm_options::RULE,
    binding::RULE,
    subordinate_units::RULE,
    placement::RULE,
    juju_merge::RULE,
    base::RULE,
];

/// Returns the virtual IPs of an application, as they are written.
fn vips(application: &Application) -> Vec<&str> {
    application.option_text("vip").map(|text| text.split_whitespace().collect()).unwrap_or_default()
}
