//! Which desired facts a journal can lead back to: the one place where they are registered.

use std::sync::Arc;

use omega_core::{Desired, Step, step};
use serde_json::Value;

use super::{
    ConvergeServices, EnsureHelm, InjectConfigDir, PinDriver, PlaceKubeconfig, RemoveLeftovers,
    RestoreDriver, RestoreFiles, StageDropin, legacy,
};
use crate::Unit;

type Bind = fn(Value, &Arc<Unit>) -> Option<Box<dyn Step>>;

/// Every fact of this crate, by its kind.
const FACTS: [(&str, Bind); 9] = [
    (ConvergeServices::KIND, bind::<ConvergeServices>),
    (EnsureHelm::KIND, bind::<EnsureHelm>),
    (InjectConfigDir::KIND, bind::<InjectConfigDir>),
    (PinDriver::KIND, bind::<PinDriver>),
    (PlaceKubeconfig::KIND, bind::<PlaceKubeconfig>),
    (RemoveLeftovers::KIND, bind::<RemoveLeftovers>),
    (RestoreDriver::KIND, bind::<RestoreDriver>),
    (RestoreFiles::KIND, bind::<RestoreFiles>),
    (StageDropin::KIND, bind::<StageDropin>),
];

/// Returns the step for a desired fact that a journal holds; `None` if `kind` is not one of this
/// crate's, or if the value can't be read as one. What a journal of version 1 holds is read too.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn f(unit: &Arc<omega_juju::Unit>, undo: serde_json::Value) {
/// let step = omega_juju::operations::restore("juju.restore-files.v1", undo, unit);
/// # }
/// ```
pub fn restore(kind: &str, desired: Value, unit: &Arc<Unit>) -> Option<Box<dyn Step>> {
    if let Some((kind, desired)) = legacy::undo(kind, &desired) {
        return known(kind, desired, unit);
    }
    known(kind, desired, unit)
}

fn known(kind: &str, desired: Value, unit: &Arc<Unit>) -> Option<Box<dyn Step>> {
    let (_, bind) = FACTS.iter().find(|(known, _)| *known == kind)?;
    bind(desired, unit)
}

fn bind<D: Desired<Target = Unit>>(desired: Value, unit: &Arc<Unit>) -> Option<Box<dyn Step>> {
    serde_json::from_value::<D>(desired).ok().map(|desired| step(unit, desired))
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
