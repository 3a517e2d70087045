//! Whether Magnum lets the project have one more cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Gate, Subject, Verdict};

use super::ContainerInfra;
use crate::{
    Error,
    cloud_inventory::{Need, Quota, room_for},
    gate_answer,
};

/// The gate that Magnum's quota has room for a cluster.
///
/// Magnum tells only the limit, so the project's clusters are counted, also those that failed. A project
/// without a quota of its own has Magnum's default, which some releases do not tell: 20, unless its
/// configuration says otherwise (18.0.1, `conf/quota.py`, `max_clusters_per_project`).
#[derive(Clone, Debug)]
pub struct ClusterQuota {
    /// Magnum, in the cluster's project.
    pub magnum: ContainerInfra,
}

impl ClusterQuota {
    async fn ask(&self) -> Result<Verdict, Error> {
        let (limit, used) =
            futures::try_join!(self.magnum.cluster_limit(), self.magnum.project_clusters())?;
        let used = u64::try_from(used.len()).unwrap_or(u64::MAX);
        let Some(limit) = limit else {
            let none = "the project has no quota of its own, and Magnum does not tell its default";
            let count = usize::try_from(used).unwrap_or(usize::MAX);
            return Ok(Verdict::shown([
                Evidence::count("clusters", count),
                Evidence::sentence(none),
            ]));
        };
        let quota = Quota::new("clusters", Some(limit), used);
        let remedy = "openstack coe quotas update --project-id PROJECT --resource Cluster --hard-limit N, \
                      or delete a cluster";
        Ok(room_for(self, &[quota], &[Need::new("clusters", 1, "this one")], remedy))
    }
}

impl ClusterQuota {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("quota-clusters", &[]);
}

#[async_trait]
impl Gate for ClusterQuota {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "clusters")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
