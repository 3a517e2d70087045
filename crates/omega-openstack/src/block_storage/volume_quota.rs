//! Whether Cinder's quotas have room for a cluster.

use std::collections::BTreeMap;

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Gate, Subject, Verdict};

use crate::{
    Error,
    cloud_inventory::{CloudInventory, Need, room_for},
    container_infra::ClusterShape,
    gate_answer,
};

/// The gate that the project may have the cluster's volumes: those that machines boot from, and those of
/// etcd. Most clusters have none, and then Cinder is not asked.
#[derive(Clone, Debug)]
pub struct VolumeQuota {
    /// The cloud, in the cluster's project.
    pub inventory: CloudInventory,
    /// What the cluster is made of.
    pub shape: ClusterShape,
}

impl VolumeQuota {
    fn needs(&self) -> Vec<Need> {
        let (mut volumes, mut gigabytes, mut why) = (0, 0, Vec::new());
        let mut of_types: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for group in self.shape.volumes() {
            let all = group.count * group.size;
            volumes += group.count;
            gigabytes += all;
            why.push(format!("{} of {} GiB ({})", group.count, group.size, group.label));
            if let Some(of) = group.volume_type {
                let (count, size) = of_types.entry(of).or_default();
                (*count, *size) = (*count + group.count, *size + all);
            }
        }
        let why = why.join(", ");
        let mut needs =
            vec![Need::new("volumes", volumes, &why), Need::new("gigabytes", gigabytes, why)];
        // Cinder also counts by type.
        needs.extend(of_types.into_iter().flat_map(|(of, (count, size))| {
            let why = "volumes of this type";
            let need = |counted, more| Need::new(format!("{counted}_{of}"), more, why);
            [need("volumes", count), need("gigabytes", size)]
        }));
        needs
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        if self.shape.volumes().is_empty() {
            let none = "the machines boot from their flavors' disks, and etcd has no volume";
            return Ok(Verdict::shown([Evidence::sentence(none)]));
        }
        let quotas = self.inventory.volume_quotas().await?;
        let remedy = "openstack quota set --volumes N --gigabytes GIB PROJECT, or lower the labels \
                      boot_volume_size and etcd_volume_size";
        Ok(room_for(self, &quotas, &self.needs(), remedy))
    }
}

impl VolumeQuota {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("quota-block-storage", &[]);
}

#[async_trait]
impl Gate for VolumeQuota {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "volumes")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "reader of the project, or admin")
    }
}
