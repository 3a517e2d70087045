//! `check workload`

use omega::capi::{Management, workload::WorkloadGate};
use omega::core::{Failure, Item, Label as _, Section, TargetPlan};

use omega::{
    clients::{Connect, workload_gates},
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
        let management = connect.management(&connect.kubeconfig(self.ctx.now())?).await?;
        let gates = workload_gates(&management, cluster, self.ctx.now()).await?;
        Ok(job(site, cluster, &management, gates))
    }
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
