//! Removes the load balancers that were created for a workload cluster.

use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{LoadBalancer, LoadBalancers};
use crate::{ClusterName, Error, RefusalReason};

/// The status of a load balancer that is already being deleted.
const GOING: [RefusalReason; 2] = [RefusalReason::NotFound, RefusalReason::BeingDeleted];

/// No load balancer of the cluster is left: neither that of its API nor those of its services.
///
/// # Guarantees
///
/// Only load balancers with exactly the cluster's name in the project of the token are deleted, with
/// their listeners and pools, also those in `ERROR`.
///
/// # Assumptions
///
/// The cluster is gone. This is not checked here.
///
/// # Caveats
///
/// Octavia accepts no request for a load balancer that it is changing (`PENDING_UPDATE`). The
/// operation waits for ten minutes. If it stays in that state, Octavia's administrator has to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveClusterBalancers {
    /// The cluster.
    pub cluster: ClusterName,
}

/// Removes the load balancers of `cluster`, and returns once they are gone from Octavia.
///
/// ```no_run
/// # use omega_openstack::{ClusterName, load_balancer::*};
/// # async fn f(ctx: &omega_core::Context, octavia: &LoadBalancers) -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = ClusterName::new("magnum-67a1", "c1-cyusd2b67a45");
/// let done = remove_cluster_balancers(ctx, octavia, cluster).await?;
/// println!("removed any: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if Octavia does not permit it, or does not finish its own changes in time.
pub async fn remove_cluster_balancers(
    ctx: &Context,
    octavia: &LoadBalancers,
    cluster: ClusterName,
) -> Result<Outcome<BalancersObserved>, EnsureError<Error>> {
    ensure(ctx, octavia, &RemoveClusterBalancers { cluster }).await
}

/// The project's load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancersObserved(Vec<LoadBalancer>);

/// `DELETE /v2/lbaas/loadbalancers/{id}?cascade=true`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the load balancer's")]
pub struct BalancerRemoval {
    pub id: String,
    pub name: String,
}

impl Desired for RemoveClusterBalancers {
    const KIND: &'static str = "openstack.no-cluster-balancers.v1";
    type Target = LoadBalancers;
    type Observed = BalancersObserved;
    type Change = BalancerRemoval;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("load balancers", format!("of {}", self.cluster))
    }

    fn key(&self) -> String {
        self.cluster.to_string()
    }

    async fn observe(&self, octavia: &LoadBalancers) -> Result<BalancersObserved, Error> {
        octavia.list().await.map(BalancersObserved)
    }

    fn diff(&self, seen: &BalancersObserved) -> Result<Delta<BalancerRemoval>, Conflict> {
        let ours = || seen.0.iter().filter(|one| self.cluster.has_balancer(&one.name));
        if let Some(busy) = ours().find(|one| one.is_pending()) {
            let LoadBalancer { id, name, provisioning_status, .. } = busy;
            return Ok(Delta::Wait(format!(
                "load balancer {name} ({id}) is {provisioning_status}"
            )));
        }
        let removal = |one: &LoadBalancer| {
            let LoadBalancer { id, name, .. } = one.clone();
            BalancerRemoval { id, name }
        };
        Ok(Delta::of(ours().map(removal).collect()))
    }

    async fn apply(
        &self,
        _: &Context,
        octavia: &LoadBalancers,
        change: &BalancerRemoval,
    ) -> Result<(), Error> {
        match octavia.delete(&change.id).await {
            // Another client deletes it already. The verification observes whether it is gone.
            Err(error) if error.reason().is_some_and(|reason| GOING.contains(&reason)) => Ok(()),
            other => other,
        }
    }

    /// Deleting a load balancer's machines takes a minute or two; ten allow for a busy Octavia.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(5), Duration::from_mins(10))
    }
}

impl Describe for BalancerRemoval {
    fn describe(&self) -> Diff {
        let effect = format!("was {}, with its listeners and pools", self.id);
        Diff::new(ChangeKind::Delete, Subject::new("load balancer", &self.name), effect)
    }
}
