use std::sync::Arc;

use jiff::Timestamp;
use omega_capi::echo::RemovedEcho;
use omega_core::{Desired as _, Failure, Label as _, Step, StepId, Undo, step as core_step};
use serde::Deserialize as _;

use crate::{
    clients::{Part, PartialClients},
    cluster::{AbsentCluster, ClusterAccess, ClusterSite, RemovedClusterKubeconfig},
};

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
        Some(Part::Cloud) if kind == AbsentCluster::KIND => clients.cloud.as_ref().map(|cloud| {
            let site = Arc::new(ClusterSite::of(cloud, clients));
            AbsentCluster::deserialize(desired).map(|absent| Some(core_step(&site, absent)))
        }),
        Some(Part::Units) => {
            clients.unit(target).map(|unit| omega_juju::operations::restore(kind, desired, unit))
        }
        Some(Part::Model) => {
            let model = clients.model.as_ref();
            model.map(|model| omega_juju::charm::restore(kind, desired, model))
        }
        Some(Part::Management) => {
            // A workload cluster is reached through the management cluster, and named after it.
            let through = kind == RemovedEcho::KIND;
            let mint = clients.mint.as_ref().filter(|mint| through || mint.label() == *target);
            mint.map(|mint| omega_capi::restore::restore(kind, desired, mint))
        }
        Some(Part::Cloud) => {
            let cloud = clients.cloud.as_ref();
            cloud.map(|cloud| omega_openstack::restore(kind, desired, &cloud.narrowed))
        }
        // A file of this machine, whatever is connected.
        None if kind == RemovedClusterKubeconfig::KIND => {
            Some(RemovedClusterKubeconfig::deserialize(desired).map(|removed| {
                Some(core_step(&Arc::new(ClusterAccess::new(Timestamp::now())), removed))
            }))
        }
        None => None,
    };
    let restored = restored.transpose().map_err(|error| undo.unreadable(step, &error))?.flatten();
    // A fact of another project is not at hand.
    Ok(restored.filter(|restored| restored.id().target == *target))
}
