use omega_core::{Label as _, Step, Undo};

use crate::clients::Clients;

/// Returns the step that restores a state from a journal. This is the only place that knows every kind.
/// `None` if there is no client for the target, or the kind is unknown.
pub fn restore(target: &str, undo: &Undo, clients: &Clients) -> Option<Box<dyn Step>> {
    let Undo { kind, desired } = undo;
    if let Some(unit) = clients.unit(target) {
        return omega_juju::operations::restore(kind, desired.clone(), unit);
    }
    if let Some(mint) = clients.mint.as_ref().filter(|mint| mint.label() == target) {
        return omega_capi::restore::restore(kind, desired, mint).ok()?;
    }
    let cloud = omega_openstack::Clients::new(&clients.cloud.narrowed);
    let step = omega_openstack::restore(kind, desired, &cloud).ok()??;
    // There is no client for another project.
    (step.id().target == target).then_some(step)
}
