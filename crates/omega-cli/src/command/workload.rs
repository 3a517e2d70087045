//! `check workload`

use jiff::Timestamp;
use omega::capi::{
    Management,
    served::discover_versions,
    workload::{WorkloadGate, WorkloadGates, choose_cluster, list_clusters},
};
use omega::core::{Diagnostic, Failure, FailureClass, Item, Label as _, Section, TargetPlan};

use omega::{
    clients::{Connect, management},
    run::{Counts, Endpoints, Job},
};

use crate::app::App;

impl App {
    /// Returns the checks of a workload cluster with the kubeconfig that Cluster API stores. Neither the
    /// cloud nor a unit is contacted.
    pub(super) async fn workload(
        &self,
        connect: &Connect<'_>,
        site: &str,
        cluster: &str,
    ) -> Result<Job, Failure> {
        let kubeconfig = connect.site.kubeconfig().map_err(|failure| {
            failure.because("the management cluster has the kubeconfig of the workload cluster")
        });
        kubeconfig?;
        let management = management(&connect.kubeconfig(self.ctx.now())?).await?;
        let gates = gates(&management, cluster, self.ctx.now()).await?;
        Ok(job(site, cluster, &management, gates))
    }
}

/// Finds the cluster, and returns its gates.
async fn gates(
    management: &Management,
    cluster: &str,
    now: Timestamp,
) -> Result<Vec<WorkloadGate>, Failure> {
    let unasked = |error: &dyn Diagnostic| {
        Failure::from_error("could not list the clusters of Cluster API", error)
    };
    let served = discover_versions(management).await.map_err(|error| unasked(&error))?;
    let all = list_clusters(management, &served).await.map_err(|error| unasked(&error))?;
    let chosen = choose_cluster(all, cluster).map_err(|error| {
        let failure = Failure::from_error("could not choose the cluster", &error);
        Failure { class: FailureClass::Usage, ..failure }
    })?;
    Ok(WorkloadGates::new(management.clone(), served, chosen, None, now).all())
}

fn job(site: &str, cluster: &str, management: &Management, gates: Vec<WorkloadGate>) -> Job {
    let counted = (management.clone(), gates.first().cloned());
    let counts = move || Counts {
        requests: counted.0.requests() + counted.1.as_ref().map_or(0, WorkloadGate::requests),
        ..Counts::default()
    };
    let items = gates.into_iter().map(Item::gate).collect();
    let target = TargetPlan::shared(cluster, vec![Section::new("", "check", items)]);
    let endpoints = Endpoints::from([("management".to_owned(), management.label())]);
    Job::new("check", site, vec![target]).on(endpoints, counts)
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
