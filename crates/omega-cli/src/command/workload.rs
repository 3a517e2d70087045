//! `check workload`

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use omega::capi::{
    Management, discover_versions,
    workload::{WorkloadGate, WorkloadGates, choose_cluster, list_clusters},
};
use omega::core::{Diagnostic, Failure, FailureClass, Gate, Item, Label as _, Section, TargetPlan};

use super::Session;
use crate::{
    cli::SiteArgs,
    engine::{Counts, Task, WayBack},
    exit::Exit,
    runbook,
    site::Site,
};

/// Of which workload cluster.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkloadArgs {
    /// `check workload`: which cluster, by its name in Magnum or in Cluster API; after NAMESPACE/
    /// where several have that name.
    #[arg(long, value_name = "CLUSTER", required_if_eq("gate", "workload"))]
    pub(crate) cluster: Option<String>,
}

impl App {
    /// Looks into a workload cluster with the kubeconfig that Cluster API keeps. Neither the cloud
    /// nor a unit is asked.
    pub(super) async fn check_workload(
        &self,
        args: &SiteArgs,
        cluster: &str,
    ) -> Result<Status, Failure> {
        let site = Site::read(&args.site)?;
        let management = runbook::management(&self.kubeconfig(&site)?).await?;
        let gates = gates(&management, cluster, Timestamp::now()).await?;
        let task = task(args, cluster, &management, gates);
        self.shown(self.engine().plan(&task, None).await?)
    }
}

/// Finds the cluster, and returns what is asked of it.
async fn gates(
    management: &Management,
    cluster: &str,
    now: Timestamp,
) -> Result<Vec<WorkloadGate>, Failure> {
    let unasked = |error: &dyn Diagnostic| {
        Failure::from_error("could not ask Cluster API for its clusters", error)
    };
    let served = discover_versions(management).await.map_err(|error| unasked(&error))?;
    let all = list_clusters(management, &served).await.map_err(|error| unasked(&error))?;
    let chosen = choose_cluster(all, cluster).map_err(|error| {
        let failure = Failure::from_error("it is not known which cluster is meant", &error);
        Failure { class: FailureClass::Usage, ..failure }
    })?;
    Ok(WorkloadGates::new(management.clone(), served, chosen, None, now).all())
}

fn task(args: &SiteArgs, cluster: &str, management: &Management, gates: Vec<WorkloadGate>) -> Task {
    let counted = (management.clone(), gates.first().cloned());
    let counts = move || Counts {
        units: 0,
        executions: 0,
        requests: counted.0.requests() + counted.1.as_ref().map_or(0, WorkloadGate::requests),
    };
    let item = |gate: WorkloadGate| Item::Gate(Box::new(gate) as Box<dyn Gate>);
    let items = gates.into_iter().map(item).collect();
    let section = Section { number: "", title: "check", items };
    Task {
        name: "check".to_owned(),
        site: args.site.display().to_string(),
        again: String::new(),
        legs: vec![TargetPlan { target: cluster.to_owned(), sections: vec![section] }],
        afterwards: Vec::new(),
        pre_state: None,
        counts: Box::new(counts),
        endpoints: BTreeMap::from([("management".to_owned(), management.label())]),
        rolls_back: Vec::new(),
        way_back: WayBack::None,
    }
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
