use omega_core::{Label as _, Step, Undo};

use crate::clients::Clients;

/// Returns the step that restores a state that a journal holds: the one place that knows every kind.
/// `None` if the target is not at hand, or the kind unknown.
pub fn restore(target: &str, undo: &Undo, clients: &Clients) -> Option<Box<dyn Step>> {
    let Undo { kind, desired } = undo;
    if let Some(unit) = clients.unit(target) {
        return omega_juju::operations::restore(kind, desired.clone(), unit);
    }
    if let Some(mint) = clients.mint.as_ref().filter(|mint| mint.label() == target) {
        return omega_capi::restore::restore(kind, desired, mint).ok()?;
    }
    let step = omega_openstack::restore(kind, desired, &clients.cloud.narrowed).ok()??;
    // A fact of another project is not at hand.
    (step.id().target == target).then_some(step)
}
