//! The registry of desired states that a journal can hold.

use std::sync::Arc;

use omega_core::{Desired, Step, step};
use serde_json::Value;

use super::{
    ConvergeServices, EnsureHelm, InjectConfigDir, PinDriver, PlaceKubeconfig, RemoveLeftovers,
    RestoreDriver, RestoreFiles, StageDropin, legacy,
};
use crate::Unit;

type Restored = Result<Option<Box<dyn Step>>, serde_json::Error>;
type Bind = fn(&Value, &Arc<Unit>) -> Restored;

/// Every desired state of this crate, by its kind.
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

/// Returns the step for the desired state of `kind`; `None` if no operation of this crate has the
/// kind. Values in journals of version 1 are converted.
///
/// # Errors
///
/// Fails if `desired` is not of that kind.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn f(unit: &Arc<omega_juju::Unit>, undo: &serde_json::Value) -> serde_json::Result<()> {
/// let step = omega_juju::operations::restore("juju.restore-files.v1", undo, unit)?;
/// # Ok(()) }
/// ```
pub fn restore(
    kind: &str,
    desired: &Value,
    unit: &Arc<Unit>,
) -> Result<Option<Box<dyn Step>>, serde_json::Error> {
    match legacy::undo(kind, desired) {
        Some((kind, desired)) => known(kind, &desired, unit),
        None => known(kind, desired, unit),
    }
}

fn known(kind: &str, desired: &Value, unit: &Arc<Unit>) -> Restored {
    match FACTS.iter().find(|(known, _)| *known == kind) {
        Some((_, bind)) => bind(desired, unit),
        None => Ok(None),
    }
}

fn bind<D: Desired<Target = Unit>>(desired: &Value, unit: &Arc<Unit>) -> Restored {
    Ok(Some(step(unit, D::deserialize(desired)?)))
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
