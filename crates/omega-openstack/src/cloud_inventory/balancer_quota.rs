//! Whether Octavia answers, and has room for the load balancer of a cluster's API.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict, chain};

use super::{CloudInventory, Need, Quota, room_for};
use crate::{Error, Service, gate_answer, load_balancer::Amphora};

/// The gate that Octavia answers, and that not all is wrong with its amphorae, as far as this login may list
/// them. Every cluster has a load balancer for its API, whatever
/// `master_lb_enabled` says (magnum-capi-helm 1.4.0, `driver.py`: `enableLoadBalancer` is true).
#[derive(Clone, Debug)]
pub struct OctaviaResponds {
    /// The cloud, with the login that creates the cluster.
    pub inventory: CloudInventory,
}

/// The gate that the project may have one more load balancer. Octavia tells only limits, so the load
/// balancers are counted.
#[derive(Clone, Debug)]
pub struct BalancerQuota {
    /// The cloud, in the cluster's project.
    pub inventory: CloudInventory,
    /// How many services of type `LoadBalancer` the cluster is to have.
    pub services: u64,
}

const ROLE: &str = "load-balancer_member (or load-balancer_observer) on the project";

impl OctaviaResponds {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("octavia", &[]);
}

#[async_trait]
impl Gate for OctaviaResponds {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("octavia", "lists load balancers")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let answers = match self.inventory.check(Service::LoadBalancer).await {
            Ok(()) => Ok(self.judge(self.inventory.amphorae().await)),
            Err(error) => Err(error),
        };
        gate_answer::verdict(self, answers, ROLE)
    }
}

impl OctaviaResponds {
    fn judge(&self, amphorae: Result<Vec<Amphora>, Error>) -> Verdict {
        let finding = |severity, why: String, remedy: &str| {
            let found = Finding::broken(self.rule(), self.subject(), why).severity(severity);
            Verdict::fail(found.shown_by([Evidence::holds("it answers")]).remedy(remedy))
        };
        let all = match amphorae {
            Ok(all) => all,
            Err(error) => {
                let why = format!(
                    "it answers, and whether its amphorae are well is not known: {}",
                    chain(&error).join(": ")
                );
                let remedy = "log in with a role that may list them: admin or load-balancer_admin \
                              (openstack loadbalancer amphora list)";
                return finding(Severity::Unknown, why, remedy);
            }
        };
        let ids = all.iter().filter(|one| one.status.as_deref() == Some("ERROR"));
        let ids: Vec<&str> = ids.map(|one| one.id.as_str()).collect();
        let (bad, count) = (ids.len(), all.len());
        if bad == 0 {
            let amphorae = Evidence::count("amphorae, none in ERROR", count);
            return Verdict::shown([Evidence::holds("it answers"), amphorae]);
        }
        // Those of other load balancers need not stand in the way of a new one, unless none is well.
        let severity = if bad == count { Severity::Broken } else { Severity::Warning };
        let shown = ids.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let more = if bad > 3 { ", and more" } else { "" };
        let why = format!("{bad} of {count} amphorae are in ERROR: {shown}{more}");
        finding(
            severity,
            why,
            "look for their ids in the log of octavia-worker and octavia-health-manager",
        )
    }
}

impl BalancerQuota {
    async fn ask(&self) -> Result<Verdict, Error> {
        let project = self.inventory.project_id().await?;
        let used = self.inventory.load_balancers(&project).await?.len();
        let quota: Quota = self.inventory.load_balancer_quota(&project, used).await?;
        let why = if self.services == 0 {
            "the cluster's API"
        } else {
            "the cluster's API and its services"
        };
        let need = Need::new("load_balancer", 1 + self.services, why);
        let remedy = "openstack loadbalancer quota set --loadbalancer N PROJECT";
        Ok(room_for(self, &[quota], &[need], remedy))
    }
}

impl BalancerQuota {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("quota-load-balancer", &[]);
}

#[async_trait]
impl Gate for BalancerQuota {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "load balancers")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, ROLE)
    }
}
