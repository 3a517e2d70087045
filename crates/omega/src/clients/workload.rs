//! The gates of a workload cluster that the management cluster knows.

use jiff::Timestamp;
use omega_capi::{
    Management,
    served::discover_versions,
    workload::{WorkloadGate, WorkloadGates, choose_cluster, list_clusters},
};
use omega_core::{Diagnostic, Failure, FailureClass};

/// Finds the cluster `name`, by its name in Magnum or in Cluster API, and returns its gates.
///
/// # Errors
///
/// Fails if the management cluster does not answer; with [`FailureClass::Usage`] if there is no such
/// cluster, or several.
pub async fn workload_gates(
    management: &Management,
    name: &str,
    now: Timestamp,
) -> Result<Vec<WorkloadGate>, Failure> {
    let unasked = |error: &dyn Diagnostic| {
        Failure::from_error("could not list the clusters of Cluster API", error)
    };
    let served = discover_versions(management).await.map_err(|error| unasked(&error))?;
    let all = list_clusters(management, &served).await.map_err(|error| unasked(&error))?;
    let chosen = choose_cluster(all, name).map_err(|error| {
        let failure = Failure::from_error("could not choose the cluster", &error);
        Failure { class: FailureClass::Usage, ..failure }
    })?;
    Ok(WorkloadGates::new(management.clone(), served, chosen, None, now).all())
}
