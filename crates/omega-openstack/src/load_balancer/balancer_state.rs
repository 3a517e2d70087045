//! What both facts about a failover look at, and what both refuse.

use jiff::{SignedDuration, Timestamp};
use omega_core::{ChangeKind, Conflict, Delta, Describe, Diff, Subject};
use serde::{Deserialize, Serialize};

use super::{Amphora, AmphoraRoom, LoadBalancer, LoadBalancerAdmin, Topology};
use crate::Error;

/// How long Octavia works on one amphora at most: it waits 5 minutes for its server
/// (`[controller_worker]` `amp_active_retries` 30 times `amp_active_wait_sec` 10) and 10 for its agent
/// (`[haproxy_amphora]` `connection_max_retries` 120 times `connection_retry_interval` 5; octavia 14,
/// `octavia/common/config.py`).
const MINUTES_PER_AMPHORA: i64 = 15;

/// How the runbook measured the outage (appendix A, LB-failover).
const OUTAGE: &str = "about 100 s";

/// A load balancer, and what a failover needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BalancerState {
    /// Those with the id or the name.
    pub balancers: Vec<LoadBalancer>,
    /// The amphorae of the only one.
    pub amphorae: Vec<Amphora>,
    /// Octavia's time; none if there is no single one.
    pub at: Option<Timestamp>,
    /// The room for one more amphora, if a failover is needed.
    pub room: Option<AmphoraRoom>,
    /// Whether a failover that this client sent has ended in `ERROR`.
    pub failed: bool,
}

/// `PUT /v2/lbaas/loadbalancers/{id}/failover`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failover {
    /// The load balancer.
    pub balancer: LoadBalancer,
    /// Its amphorae, which are replaced.
    pub amphorae: Vec<Amphora>,
    /// What is known of the room for one more.
    pub room: Option<AmphoraRoom>,
}

impl BalancerState {
    /// Reads the load balancer. `fails_over`: whether it needs a failover in this state.
    pub(super) async fn read(
        admin: &LoadBalancerAdmin,
        name_or_id: &str,
        fails_over: impl Fn(&LoadBalancer, &[Amphora]) -> bool,
    ) -> Result<Self, Error> {
        admin.check_role().await?;
        let balancers = admin.find(name_or_id).await?;
        let [balancer] = balancers.as_slice() else {
            let (amphorae, at, room) = (Vec::new(), None, None);
            return Ok(Self { balancers, amphorae, at, room, failed: false });
        };
        let (amphorae, at) = admin.amphorae(&balancer.id).await?;
        let failed = balancer.provisioning_status == "ERROR" && admin.has_tried(balancer);
        let needed = !failed && fails_over(balancer, &amphorae);
        let room = if needed { Some(admin.room(&amphorae).await) } else { None };
        Ok(Self { balancers, amphorae, at: Some(at), room, failed })
    }

    /// Returns the load balancer, if there is exactly one.
    pub(super) fn the_one(&self, asked: &str) -> Result<&LoadBalancer, Conflict> {
        match self.balancers.as_slice() {
            [one] => Ok(one),
            [] => {
                let why = format!("Octavia has no load balancer with the name or id {asked:?}");
                Err(Conflict::no_such(why, "correct the name (openstack loadbalancer list)"))
            }
            many => {
                let of = |one: &LoadBalancer| format!("{} of project {}", one.id, one.project_id);
                let ids: Vec<_> = many.iter().map(of).collect();
                let why = format!("{} load balancers have the name {asked:?}", many.len());
                Err(Conflict::new(why, "give the id of one").seen("one", ids.join(", ")))
            }
        }
    }

    /// Returns the topology, by the amphorae's roles.
    pub fn topology(&self) -> Topology {
        Topology::of(&self.amphorae)
    }

    /// Decides for a load balancer that Octavia is changing: it is waited for, unless it is stuck or
    /// goes away. None if it is not being changed.
    pub(super) fn pending(
        &self,
        balancer: &LoadBalancer,
    ) -> Option<Result<Delta<Failover>, Conflict>> {
        if !balancer.is_pending() {
            return None;
        }
        let LoadBalancer { id, name, provisioning_status: status, .. } = balancer;
        let (since, at) = (balancer.since(), self.at.unwrap_or_default());
        let passed = since.map_or(SignedDuration::ZERO, |since| at.duration_since(since));
        if passed > self.patience() {
            return Some(Err(self.stuck(balancer, passed)));
        }
        if status == "PENDING_DELETE" {
            let why = format!("load balancer {name} ({id}) is being deleted");
            return Some(Err(Conflict::new(why, "nothing can be done for it: create another one")));
        }
        let seconds = passed.as_secs();
        Some(Ok(Delta::Wait(format!("load balancer {name} ({id}) is {status} for {seconds} s"))))
    }

    /// Returns how long Octavia may work on it: one that is being created may have amphorae without a
    /// role.
    fn patience(&self) -> SignedDuration {
        let count = match self.topology() {
            Topology::Single => 1,
            Topology::ActiveStandby => 2,
            Topology::Unknown => i64::try_from(self.amphorae.len()).unwrap_or(2).clamp(1, 2),
        };
        SignedDuration::from_mins(MINUTES_PER_AMPHORA * count)
    }

    fn stuck(&self, balancer: &LoadBalancer, passed: SignedDuration) -> Conflict {
        let LoadBalancer { id, name, provisioning_status: status, .. } = balancer;
        let why = format!(
            "load balancer {name} ({id}) is stuck: {status}, and Octavia has not changed it for {} min",
            passed.as_mins()
        );
        let within = self.patience().as_mins();
        let amphorae: Vec<_> = self.amphorae.iter().map(Amphora::line).collect();
        let found = match amphorae.as_slice() {
            [] => format!("{status}; Octavia lists no amphora of it"),
            all => format!("{status}; {}", all.join("; ")),
        };
        Conflict::new(
            why,
            "Octavia refuses every request for it, and no API ends this. Look for its id in the \
             log of octavia-worker; if no worker is working on it any more (one was killed), Octavia's \
             administrator sets its provisioning_status to ERROR in the database; then run this again",
        )
        .seen(format!("an end within {within} min"), found)
    }

    /// Returns the failover, unless there is no room for it.
    pub(super) fn failover(&self, balancer: &LoadBalancer) -> Result<Delta<Failover>, Conflict> {
        if let Some(why) = self.room.as_ref().and_then(AmphoraRoom::shortage) {
            let LoadBalancer { id, name, .. } = balancer;
            let why = format!("a failover of load balancer {name} ({id}) would fail: {why}");
            return Err(Conflict::new(
                why,
                "Octavia boots the new amphora before it deletes the old one: raise the quota of \
                 Octavia's service project, or free a host; then run this again",
            ));
        }
        Ok(Delta::Changes(vec![Failover {
            balancer: balancer.clone(),
            amphorae: self.amphorae.clone(),
            room: self.room.clone(),
        }]))
    }

    /// Returns the refusal to fail it over once more.
    pub(super) fn failed(&self, balancer: &LoadBalancer) -> Conflict {
        let LoadBalancer { id, name, .. } = balancer;
        let amphorae: Vec<_> = self.amphorae.iter().map(Amphora::line).collect();
        let why =
            format!("the failover of load balancer {name} ({id}) failed: it is in ERROR again");
        let next = "it is not repeated by itself. Look for its id in the log of octavia-worker (no room \
                    for an amphora, its image, its management network), correct that, and run this \
                    again";
        Conflict::new(why, next).seen("ACTIVE", format!("ERROR; {}", amphorae.join("; ")))
    }
}

impl Failover {
    /// Sends it.
    pub(super) async fn send(&self, admin: &LoadBalancerAdmin) -> Result<(), Error> {
        // A 409 is an error: what another client has begun need not be a failover.
        admin.fail_over(&self.balancer).await
    }

    fn outage(&self) -> String {
        let address = self.balancer.vip_address.as_deref().unwrap_or("its address");
        match Topology::of(&self.amphorae) {
            Topology::Single => format!(
                "an outage: the topology is SINGLE, so nothing answers at {address} while its only \
                 amphora is replaced ({OUTAGE})"
            ),
            Topology::ActiveStandby => format!(
                "a short interruption: the topology is ACTIVE_STANDBY, and both amphorae are replaced, \
                 one after the other; connections to {address} are cut"
            ),
            Topology::Unknown => format!(
                "expect an outage: no amphora has a role, so the topology is not known; it may be \
                 SINGLE, where nothing answers at {address} meanwhile ({OUTAGE})"
            ),
        }
    }
}

impl Describe for Failover {
    fn describe(&self) -> Diff {
        let Self { balancer, amphorae, room } = self;
        let LoadBalancer { id, name, project_id, provisioning_status, provider, .. } = balancer;
        let subject = Subject::new("load balancer", name);
        let effect = format!("failover of {id}, which is {provisioning_status}");
        let mut diff = Diff::new(ChangeKind::Update, subject, effect)
            .with(format!("of project {project_id}"))
            .with(self.outage());
        diff.detail.extend(amphorae.iter().map(|one| format!("replaces {}", one.line())));
        diff.detail.extend(room.as_ref().map(AmphoraRoom::line).filter(|line| !line.is_empty()));
        if let Some(provider) = provider.as_deref().filter(|one| !AMPHORA.contains(one)) {
            diff = diff.with(format!(
                "its provider is {provider}: whether that can fail over is known only once it is asked"
            ));
        }
        diff.with("cannot be undone: the old amphorae are deleted")
    }

    /// The room and the statuses may have changed since; the same load balancer must lose the same
    /// amphorae.
    fn is_shown_by(&self, approved: &Self) -> bool {
        let ids = |one: &Self| one.amphorae.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        self.balancer.id == approved.balancer.id && ids(self) == ids(approved)
    }
}

/// The names of the provider that has amphorae.
const AMPHORA: [&str; 2] = ["amphora", "octavia"];
