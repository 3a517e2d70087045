//! Whether Octavia answers, and has room for the load balancer of a cluster's API.

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Subject, Verdict};

use super::{CloudInventory, Need, Quota, room_for};
use crate::{Error, Service, gate_answer};

/// The gate that Octavia answers. Every cluster has a load balancer for its API, whatever
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

#[async_trait]
impl Gate for OctaviaResponds {
    fn rule(&self) -> &'static str {
        "octavia"
    }

    fn subject(&self) -> Subject {
        Subject::new("octavia", "lists load balancers")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let asked = self.inventory.check(Service::LoadBalancer).await;
        let asked = asked.map(|()| Verdict::shown([Evidence::holds("it answers")]));
        gate_answer::verdict(self, asked, ROLE)
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

#[async_trait]
impl Gate for BalancerQuota {
    fn rule(&self) -> &'static str {
        "quota-load-balancer"
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "load balancers")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, ROLE)
    }
}
