//! Whether Neutron's quotas have room for a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Failure, Gate, Subject, Verdict};

use super::Network;
use crate::{
    Error,
    cloud_inventory::{CloudInventory, Need, room_for},
    container_infra::ClusterShape,
    gate_answer,
};

/// The gate that the project may have the network, the addresses and the groups of a cluster.
#[derive(Clone, Debug)]
pub struct NetworkQuota {
    /// Neutron, in the cluster's project.
    pub network: Network,
    /// The cloud, with the same login.
    pub inventory: CloudInventory,
    /// What the cluster is made of.
    pub shape: ClusterShape,
    /// How many services of type `LoadBalancer` it is to have.
    pub services: u64,
}

/// The rules of a cluster's two groups (cluster-api-provider-openstack 0.14,
/// `pkg/cloud/services/networking/securitygroups_rules.go`; the chart sets `allowAllInClusterTraffic`).
/// Each has the two for egress that Neutron makes. The control plane's has also: its API, and everything
/// from either group. The workers': node ports of two protocols, and everything from either group.
const RULES: u64 = (2 + 1 + 2) + (2 + 2 + 2);

impl NetworkQuota {
    fn needs(&self) -> Vec<Need> {
        let shape = &self.shape;
        let machines: u64 = shape.machines().iter().map(|(_, count, _)| count).sum();
        let address = shape.api_has_floating_ip();
        let balancers = 1 + self.services;
        let api = if self.services == 0 {
            "the cluster's API"
        } else {
            "the cluster's API and its services"
        };
        let mut needs = vec![
            Need::new("security_group", 2, "control plane and workers"),
            Need::new("security_group_rule", RULES, "their rules"),
            Need::new("floatingip", u64::from(address) + self.services, api),
        ];

        // The ports of gateways, of floating IPs and of amphorae are not the project's.
        if shape.has_own_network() {
            needs.extend([
                Need::new("network", 1, "the nodes'"),
                Need::new("subnet", 1, "the nodes'"),
                Need::new("router", 1, "the nodes'"),
                Need::new(
                    "port",
                    machines + 2 + balancers,
                    "machines, router, DHCP, load balancers",
                ),
            ]);
        } else {
            needs.push(Need::new("port", machines + balancers, "machines and load balancers"));
        }
        needs
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        let quotas = self.inventory.network_quotas(&self.network.project_id().await?).await?;
        let remedy = "openstack quota set --floating-ips N --networks N --subnets N --routers N --ports N \
                      --secgroups N --secgroup-rules N PROJECT, or remove what the project does not need";
        Ok(room_for(self, &quotas, &self.needs(), remedy))
    }
}

impl NetworkQuota {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("quota-network", &[]);
}

#[async_trait]
impl Gate for NetworkQuota {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("quota", "networks, addresses, security groups")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "reader of the project, or admin")
    }
}
