//! Fails a load balancer over on purpose.

use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Outcome, PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{
    Amphora, BalancerState, Failover, LoadBalancer, LoadBalancerAdmin,
    ensure_load_balancer_active::FAILOVER,
};
use crate::Error;

/// A load balancer is `ACTIVE`, and runs on other amphorae than these: it was failed over.
///
/// # Guarantees
///
/// As of [`ActiveLoadBalancer`](super::ActiveLoadBalancer), for one that is `ACTIVE` before. The effect
/// is observed: none of the old amphorae is left. One in `ERROR` is refused, before as after.
///
/// # Caveats
///
/// An outage, if it has one amphora. It can't be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedOver {
    /// The load balancer's id.
    pub balancer: String,
    /// The ids of the amphorae that must be replaced.
    pub old: Vec<String>,
}

impl FailedOver {
    /// Returns the fact that the load balancer with this name or id runs on other amphorae than now.
    ///
    /// # Errors
    ///
    /// Refuses if there is no such load balancer, if there are several, or if it has no amphora: then
    /// whether it was failed over can't be seen.
    pub async fn from_now(
        admin: &LoadBalancerAdmin,
        name_or_id: &str,
    ) -> Result<Self, EnsureError<Error>> {
        let subject = format!("load balancer {name_or_id} on {}", omega_core::Label::label(admin));
        let touched = omega_core::Touched::Nothing;
        let seen = BalancerState::read(admin, name_or_id, |_, _| false).await;
        let seen = seen.map_err(|source| EnsureError::Observe {
            subject: subject.clone(),
            touched,
            source,
        })?;
        let wanted = Self::of(&seen, name_or_id);
        wanted.map_err(|source| EnsureError::Conflict { subject, touched, source })
    }

    fn of(seen: &BalancerState, name_or_id: &str) -> Result<Self, Conflict> {
        let LoadBalancer { id, name, provider, .. } = seen.the_one(name_or_id)?;
        let old: Vec<_> = seen.amphorae.iter().map(|one| one.id.clone()).collect();
        if old.is_empty() {
            let provider = provider.as_deref().unwrap_or("unknown");
            let why = format!("load balancer {name} ({id}) has no amphora that could be replaced");
            let next = "only load balancers with amphorae are failed over on purpose";
            return Err(Conflict::new(why, next).seen("an amphora", format!("provider {provider}")));
        }
        Ok(Self { balancer: id.clone(), old })
    }

    fn is_on_old(&self, amphorae: &[Amphora]) -> bool {
        amphorae.iter().any(|one| self.old.contains(&one.id))
    }
}

/// Fails the load balancer over, and returns once it is `ACTIVE` on other amphorae.
///
/// ```no_run
/// # use omega_openstack::load_balancer::*;
/// # async fn f(ctx: &omega_core::Context, admin: &LoadBalancerAdmin) -> Result<(), Box<dyn std::error::Error>> {
/// let wanted = FailedOver::from_now(admin, "k8s-clusterapi-cluster-magnum-67a1-c1-kubeapi").await?;
/// fail_over(ctx, admin, &wanted).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`ensure_load_balancer_active`](super::ensure_load_balancer_active), and if it is in `ERROR`.
pub async fn fail_over(
    ctx: &Context,
    admin: &LoadBalancerAdmin,
    wanted: &FailedOver,
) -> Result<Outcome<BalancerState>, EnsureError<Error>> {
    ensure(ctx, admin, wanted).await
}

impl Desired for FailedOver {
    const KIND: &'static str = "openstack.failed-over-load-balancer.v1";
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
        let on_old = |one: &LoadBalancer, amphorae: &[Amphora]| {
            one.provisioning_status == "ACTIVE" && self.is_on_old(amphorae)
        };
        BalancerState::read(admin, &self.balancer, on_old).await
    }

    fn diff(&self, seen: &BalancerState) -> Result<Delta<Failover>, Conflict> {
        let balancer = seen.the_one(&self.balancer)?;
        if let Some(decided) = seen.pending(balancer) {
            return decided;
        }
        match balancer.provisioning_status.as_str() {
            "ACTIVE" if self.is_on_old(&seen.amphorae) => seen.failover(balancer),
            "ACTIVE" => Ok(Delta::Satisfied),
            "ERROR" if seen.failed => Err(seen.failed(balancer)),
            other => Err(Conflict::new(
                format!("load balancer {} ({}) is {other}", balancer.name, balancer.id),
                format!(
                    "only one that is ACTIVE is failed over on purpose; for one in ERROR: omega-cli \
                     ensure-load-balancer-active --load-balancer {}",
                    balancer.id
                ),
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
