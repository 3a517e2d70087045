use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    Delta, EnsureError, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict, chain, plan,
};
use omega_openstack::container_infra::Cluster;

use super::{lost_resources, shown};
use crate::cluster::{AbsentCluster, ClusterSite, DriverSettings};

/// The workload clusters that are lost, and whether each could be deleted first: as
/// `ensure-cluster-absent` judges. It is offered, not done.
pub(in crate::teardown) struct WorkloadClusters {
    pub(in crate::teardown) site: Arc<ClusterSite>,
    pub(in crate::teardown) driver: DriverSettings,
}

/// How many clusters are judged: each is several requests.
const JUDGED: usize = 20;

impl WorkloadClusters {
    /// Returns what `ensure-cluster-absent` would do with the cluster.
    async fn judged(&self, cluster: &Cluster) -> String {
        let gone = AbsentCluster::of(cluster, self.driver.clone());
        let name = &cluster.name;
        match plan(&*self.site, &gone).await {
            Ok(plan) if matches!(plan.delta(), Delta::Wait(_)) => {
                format!("{name}: is being deleted")
            }
            Ok(_) => format!("{name}: can be deleted"),
            Err(EnsureError::Conflict { source, .. }) => {
                format!("{name}: not safe: {}", source.why)
            }
            Err(error) => format!("{name}: not known: {}", chain(&error).join(": ")),
        }
    }
}

#[async_trait]
impl Gate for WorkloadClusters {
    fn rule(&self) -> &'static str {
        lost_resources::CLUSTERS.name
    }

    fn subject(&self) -> Subject {
        Subject::new("to lose", "clusters")
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let finding = |severity, what: String| {
            Finding::broken(self.rule(), self.subject(), what).severity(severity)
        };
        let all = match self.site.magnum.clusters().await {
            Ok(all) => all,
            Err(error) => {
                let what = format!("could not be listed: {}", chain(&error).join(": "));
                return Ok(Verdict::fail(finding(Severity::Unknown, what)));
            }
        };
        let Some(first) = all.first() else {
            return Ok(Verdict::shown([Evidence::holds("no clusters to lose")]));
        };
        let names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
        let judged = futures::future::join_all(all.iter().take(JUDGED).map(|one| self.judged(one)));
        let judged = Evidence::list("", judged.await);
        let what = format!("{}: {}", all.len(), shown(&names));
        let remedy = format!(
            "to delete them properly first: omega-cli ensure-cluster-absent --cluster {}",
            first.name
        );
        let found = finding(Severity::Warning, what).shown_by([judged]).decision("D-018");
        Ok(Verdict::fail(found.remedy(remedy)))
    }
}
