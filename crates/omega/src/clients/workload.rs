//! The gates of a workload cluster that the management cluster knows.

use jiff::Timestamp;
use omega_capi::{
    Management,
    served::discover_versions,
    workload::{ClusterName, Workload, WorkloadGate, WorkloadGates, choose_cluster, list_clusters},
};
use omega_core::{Failure, FailureClass};

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
    Ok(workload_gates_over(None, management, name, None, now).await?.1)
}

/// The same, of a cluster that is reached by `workload`, not with the kubeconfig that Cluster API keeps; and
/// where Cluster API has it. `network_driver`: what its template asks for, if that is known.
pub(crate) async fn workload_gates_over(
    workload: Option<Workload>,
    management: &Management,
    name: &str,
    network_driver: Option<String>,
    now: Timestamp,
) -> Result<(ClusterName, Vec<WorkloadGate>), Failure> {
    let unasked = |error: &omega_capi::Error| {
        let failure = Failure::from_error("could not list the clusters of Cluster API", error);
        if matches!(error, omega_capi::Error::NoManagement { .. }) {
            return Failure { class: FailureClass::Gate, ..failure };
        }
        failure
    };
    let served = discover_versions(management).await.map_err(|error| unasked(&error))?;
    let all = list_clusters(management, &served).await.map_err(|error| unasked(&error))?;
    let chosen = choose_cluster(all, name).map_err(|error| {
        let failure = Failure::from_error("could not choose the cluster", &error);
        let odd = management.odd_objects();
        let told = odd.iter().map(|one| {
            format!("{} of {} could not be understood: {}", one.name, one.list, one.why)
        });
        let failure = told.fold(failure, Failure::because);
        Failure { class: FailureClass::Usage, ..failure }
    })?;
    let cluster = chosen.clone();
    let gates = WorkloadGates::new(management.clone(), served, chosen, network_driver, now);
    let gates = match workload {
        Some(workload) => gates.over(workload),
        None => gates,
    };
    Ok((cluster, gates.all()))
}
