use omega_core::{Label as _, Step, Undo};

use crate::clients::Clients;

/// Returns the step that restores a state that a journal holds: the one place that knows every kind.
/// `None` if the target is not at hand, or the kind unknown.
pub fn restore(target: &str, undo: &Undo, clients: &Clients) -> Option<Box<dyn Step>> {
    let Undo { kind, desired } = undo;
    if let Some(unit) = clients.unit(target) {
        return omega_juju::operations::restore(kind, desired, unit);
    }
    let cloud = &clients.cloud;
    if target == cloud.network.label() {
        if let Some(step) = omega_openstack::restore(kind, desired, &cloud.narrowed) {
            return Some(step);
        }
    }
    omega_capi::restore(kind, desired, &clients.management)
}
