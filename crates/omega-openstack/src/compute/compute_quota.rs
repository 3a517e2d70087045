//! Whether Nova's quotas have room for a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Failure, Gate, Subject, Verdict};

use super::Compute;
use crate::{
    Error,
    cloud_inventory::{Need, room_for},
    container_infra::ClusterShape,
    gate_answer,
};

/// The gate that the project may have the cluster's servers, their cores and their memory.
///
/// Counts the requested machines. While Cluster API replaces one, there is one more.
#[derive(Clone, Debug)]
pub struct ComputeQuota {
    /// Nova, in the cluster's project.
    pub compute: Compute,
    /// What the cluster is made of.
    pub shape: ClusterShape,
}

impl ComputeQuota {
    async fn ask(&self) -> Result<Verdict, Error> {
        let (quotas, flavors) = futures::try_join!(self.compute.quotas(), self.compute.flavors())?;
        let machines = self.shape.machines();
        let count = |(_, count, _): &(_, u64, _)| *count;
        let why = format!("{} control plane, {} workers", self.shape.masters, self.shape.workers);
        let mut needs = vec![Need::new("instances", machines.iter().map(count).sum(), &why)];
        // A flavor that does not exist is told by its own gate.
        let sized: Vec<_> = machines
            .iter()
            .filter_map(|(_, count, flavor)| {
                let flavor = flavors.iter().find(|one| flavor.is_some_and(|text| one.is(text)))?;
                Some((*count, flavor))
            })
            .collect();
        if sized.len() == machines.len() {
            let of = |size: fn(&super::Flavor) -> u64| -> u64 {
                sized.iter().map(|(count, flavor)| count * size(flavor)).sum()
            };
            let why = "the machines' flavors";
            needs.push(Need::new("cores", of(|one| one.vcpus), why));
            needs.push(Need::new("ram", of(|one| one.ram), "the machines' flavors, in MiB"));
        }
        let remedy = "openstack quota set --instances N --cores N --ram MIB PROJECT, or use fewer or \
                      smaller machines";
        Ok(room_for(self, &quotas, &needs, remedy))
    }
}

impl ComputeQuota {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("quota-compute", &[]);
}

#[async_trait]
impl Gate for ComputeQuota {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "servers, cores, memory")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "reader of the project, or admin")
    }
}
