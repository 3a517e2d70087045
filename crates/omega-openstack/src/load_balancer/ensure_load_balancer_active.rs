//! Ensures that a load balancer is ACTIVE.

use std::time::Duration;

use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Outcome, PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{BalancerState, Failover, LoadBalancerAdmin};
use crate::Error;

/// A load balancer is `ACTIVE`. One in `ERROR` is failed over; one that Octavia is changing is waited
/// for.
///
/// # Guarantees
///
/// A failover is sent once. If it ends in `ERROR` again, that is an error, and it is not repeated by
/// itself. Before it is sent, the room for one more amphora is looked at: Octavia boots the new one
/// before it deletes the old. If there is none, nothing is sent; the plan names what is unknown.
///
/// For a load balancer that Octavia has not changed for 15 minutes for each amphora nothing is sent:
/// it is reported as stuck, with its amphorae.
///
/// # Caveats
///
/// A failover can't be undone, and is an outage where the load balancer has one amphora (topology
/// `SINGLE`). Octavia's clock is used for its own times. Hard anti-affinity of amphorae, which needs
/// one more host, is not looked at.
///
/// # Errors
///
/// Refuses a name that no load balancer has, or several. Providers without failover answer 501
/// ([`RefusalReason::NotSupported`](crate::RefusalReason::NotSupported)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveLoadBalancer {
    /// Its name or id. An administrator sees those of every project.
    pub balancer: String,
}

/// Fails the load balancer over if it is in `ERROR`, and returns once it is `ACTIVE`.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use omega_openstack::{Transport, load_balancer::*};
/// # async fn f(ctx: &omega_core::Context, operator: Arc<dyn Transport>) -> Result<(), Box<dyn std::error::Error>> {
/// let admin = LoadBalancerAdmin::new(operator).await?;   // the role is checked here
/// let wanted = ActiveLoadBalancer { balancer: "k8s-clusterapi-cluster-magnum-67a1-c1-kubeapi".into() };
/// let done = ensure_load_balancer_active(ctx, &admin, &wanted).await?;
/// println!("failed over: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses if there is no such load balancer, if there are several, if it is stuck, or if there is no
/// room for one more amphora. Fails if the failover ends in `ERROR`.
pub async fn ensure_load_balancer_active(
    ctx: &Context,
    admin: &LoadBalancerAdmin,
    wanted: &ActiveLoadBalancer,
) -> Result<Outcome<BalancerState>, EnsureError<Error>> {
    ensure(ctx, admin, wanted).await
}

impl Desired for ActiveLoadBalancer {
    const KIND: &'static str = "openstack.active-load-balancer.v1";
    type Target = LoadBalancerAdmin;
    type Observed = BalancerState;
    type Change = Failover;
    /// A failover can't be undone.
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("load balancer", &self.balancer)
    }

    fn key(&self) -> String {
        self.balancer.clone()
    }

    async fn observe(&self, admin: &LoadBalancerAdmin) -> Result<BalancerState, Error> {
        let in_error =
            |one: &super::LoadBalancer, _: &[super::Amphora]| one.provisioning_status == "ERROR";
        BalancerState::read(admin, &self.balancer, in_error).await
    }

    fn diff(&self, seen: &BalancerState) -> Result<Delta<Failover>, Conflict> {
        let balancer = seen.the_one(&self.balancer)?;
        if let Some(decided) = seen.pending(balancer) {
            return decided;
        }
        match balancer.provisioning_status.as_str() {
            "ACTIVE" => Ok(Delta::Satisfied),
            "ERROR" if seen.failed => Err(seen.failed(balancer)),
            "ERROR" => seen.failover(balancer),
            other => Err(Conflict::new(
                format!("load balancer {} ({}) is {other}", balancer.name, balancer.id),
                "Octavia fails over only what is ACTIVE or in ERROR",
            )),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        admin: &LoadBalancerAdmin,
        change: &Failover,
    ) -> Result<(), Error> {
        change.send(admin).await
    }

    fn poll_policy(&self) -> PollPolicy {
        FAILOVER
    }
}

/// Two amphorae may take half an hour; then the load balancer is stuck, and that is reported before this
/// ends.
pub(super) const FAILOVER: PollPolicy =
    PollPolicy::new(Duration::from_secs(2), Duration::from_mins(40));

#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "a contract is a test")]
pub(crate) mod contract;
