//! `check workload`

use clap::Args;
use omega::capi::{Management, workload::WorkloadGate};
use omega::core::{Failure, Item, Label as _, Section, TargetPlan};

use omega::{
    clients::{management, workload_gates},
    run::{Counts, Endpoints, Job, Status},
};

use crate::{app::App, cli::SiteArgs};

/// The workload cluster.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkloadArgs {
    /// For `check workload`: the cluster, by its name in Magnum or in Cluster API; as NAMESPACE/NAME if
    /// several have that name.
    #[arg(long, value_name = "CLUSTER", required_if_eq("gate", "workload"))]
    pub(crate) cluster: Option<String>,
}

impl App {
    /// Checks a workload cluster with the kubeconfig that Cluster API stores. Neither the cloud nor a
    /// unit is contacted.
    pub(super) async fn check_workload(
        &self,
        args: &SiteArgs,
        cluster: &str,
    ) -> Result<Status, Failure> {
        let site = Self::site(&args.site)?;
        let management = management(&self.connect(&site).kubeconfig(self.ctx.now())?).await?;
        let gates = workload_gates(&management, cluster, self.ctx.now()).await?;
        let job = job(args, cluster, &management, gates);
        Ok(self.shown(&self.engine().plan(&job).await, None))
    }
}

fn job(args: &SiteArgs, cluster: &str, management: &Management, gates: Vec<WorkloadGate>) -> Job {
    let counted = (management.clone(), gates.first().cloned());
    let counts = move || Counts {
        requests: counted.0.requests() + counted.1.as_ref().map_or(0, WorkloadGate::requests),
        ..Counts::default()
    };
    let items = gates.into_iter().map(Item::gate).collect();
    let target = TargetPlan::shared(cluster, vec![Section::new("", "check", items)]);
    let endpoints = Endpoints::from([("management".to_owned(), management.label())]);
    Job::new("check", args.site.display().to_string(), vec![target]).on(endpoints, counts)
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
