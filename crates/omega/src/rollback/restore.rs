use omega_core::{Failure, Label as _, Step, StepId, Undo};

use crate::clients::{Part, PartialClients};

/// Returns the step that restores a state that a journal holds, before `step`: the one place that
/// knows every kind. None if the target is not at hand, or the kind unknown.
///
/// # Errors
///
/// Fails if the stored fact can't be read, and says of which step it is and what is wrong with it.
pub fn restore(
    step: &StepId,
    undo: &Undo,
    clients: &PartialClients,
) -> Result<Option<Box<dyn Step>>, Failure> {
    let (target, Undo { kind, desired }) = (&step.target, undo);
    let restored = match Part::of(kind) {
        Some(Part::Units) => {
            clients.unit(target).map(|unit| omega_juju::operations::restore(kind, desired, unit))
        }
        Some(Part::Management) => {
            let mint = clients.mint.as_ref().filter(|mint| mint.label() == *target);
            mint.map(|mint| omega_capi::restore::restore(kind, desired, mint))
        }
        Some(Part::Cloud) => {
            let cloud = clients.cloud.as_ref();
            cloud.map(|cloud| omega_openstack::restore(kind, desired, &cloud.narrowed))
        }
        None => None,
    };
    let restored = restored.transpose().map_err(|error| undo.unreadable(step, &error))?.flatten();
    // A fact of another project is not at hand.
    Ok(restored.filter(|restored| restored.id().target == *target))
}
