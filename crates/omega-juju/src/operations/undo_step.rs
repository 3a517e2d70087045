use std::sync::Arc;

use omega_core::{Desired, Step, step};

use super::{
    ConvergeServices, EnsureHelm, InjectConfigDir, PinDriver, PlaceKubeconfig, RemoveLeftovers,
    StageDropin,
};
use crate::Unit;

/// Returns the step for a desired fact that a journal holds; `None` if `kind` is not one of this
/// crate's, or if the value can't be read as one.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn f(unit: &Arc<omega_juju::Unit>, undo: serde_json::Value) {
/// let step = omega_juju::operations::undo_step("juju.dropin.v1", undo, unit);
/// # }
/// ```
pub fn undo_step(
    kind: &str,
    desired: serde_json::Value,
    unit: &Arc<Unit>,
) -> Option<Box<dyn Step>> {
    match kind {
        PlaceKubeconfig::KIND => bind::<PlaceKubeconfig>(desired, unit),
        PinDriver::KIND => bind::<PinDriver>(desired, unit),
        EnsureHelm::KIND => bind::<EnsureHelm>(desired, unit),
        StageDropin::KIND => bind::<StageDropin>(desired, unit),
        InjectConfigDir::KIND => bind::<InjectConfigDir>(desired, unit),
        ConvergeServices::KIND => bind::<ConvergeServices>(desired, unit),
        RemoveLeftovers::KIND => bind::<RemoveLeftovers>(desired, unit),
        _ => None,
    }
}

fn bind<D: Desired<Target = Unit>>(
    desired: serde_json::Value,
    unit: &Arc<Unit>,
) -> Option<Box<dyn Step>> {
    serde_json::from_value::<D>(desired).ok().map(|desired| step(unit, desired))
}
