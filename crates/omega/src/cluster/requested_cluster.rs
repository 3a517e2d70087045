//! A cluster that Magnum has accepted, whatever becomes of it.

use std::time::Duration;

use omega_core::{Conflict, Context, Delta, Desired, PollPolicy, Subject};
use serde::{Deserialize, Serialize};

use super::{
    AbsentCluster, ClusterChange, ClusterError, ClusterSite, EnsuredCluster, EnsuredClusterObserved,
};

/// That Magnum has accepted the cluster. It need not be complete, and may have failed: so a temporary one
/// can be looked at before it is removed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedCluster(pub EnsuredCluster);

impl Desired for RequestedCluster {
    const KIND: &'static str = "openstack.requested-cluster.v1";
    type Target = ClusterSite;
    type Observed = EnsuredClusterObserved;
    type Change = ClusterChange;
    type Undo = AbsentCluster;
    type Error = ClusterError;

    fn subject(&self) -> Subject {
        self.0.subject()
    }

    fn key(&self) -> String {
        self.0.key()
    }

    async fn observe(&self, site: &ClusterSite) -> Result<EnsuredClusterObserved, ClusterError> {
        self.0.observe(site).await
    }

    fn diff(&self, seen: &EnsuredClusterObserved) -> Result<Delta<ClusterChange>, Conflict> {
        match seen.seen.clusters.as_slice() {
            [one] if !one.is_being_deleted() => Ok(Delta::Satisfied),
            _ => self.0.diff(seen),
        }
    }

    async fn apply(
        &self,
        ctx: &Context,
        site: &ClusterSite,
        change: &ClusterChange,
    ) -> Result<(), ClusterError> {
        self.0.apply(ctx, site, change).await
    }

    fn undo(&self, before: &EnsuredClusterObserved) -> Option<AbsentCluster> {
        self.0.undo(before)
    }

    fn removal(&self, made: &EnsuredClusterObserved) -> Option<AbsentCluster> {
        let one = made.seen.clusters.first()?;
        Some(AbsentCluster::of(one, self.0.driver.clone()))
    }

    /// Magnum answers before it stores the cluster.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(2), Duration::from_mins(2))
    }
}
