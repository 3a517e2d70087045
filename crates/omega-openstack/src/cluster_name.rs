//! The names that distinguish the resources of one workload cluster from all others.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A workload cluster, by the namespace and the name of its `Cluster` object, which are in the names
/// and descriptions of all resources that are created for it in its project.
///
/// The infrastructure provider (cluster-api-provider-openstack 0.14) names a cluster
/// `NAMESPACE-NAME` (`pkg/utils/names/names.go`, `ClusterResourceName`), so a cluster `b-c` of the
/// namespace `a` and one `c` of `a-b` look the same to it. Those of Magnum don't collide: the
/// namespace ends with the project's id.
///
/// A resource whose name only begins like the cluster's does not belong to it. Tags do not count,
/// because operators can set them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterName {
    /// The namespace (`magnum-67...`).
    pub namespace: String,
    /// The name: Magnum's `stack_id` (`c1-cyusd2b67a45`).
    pub name: String,
}

impl ClusterName {
    /// Returns the cluster `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The name of its network, its subnet and its router.
    ///
    /// `pkg/cloud/services/networking/network.go`, `getNetworkName`, `getSubnetName`; `router.go`.
    pub fn network(&self) -> String {
        format!("k8s-clusterapi-cluster-{}-{}", self.namespace, self.name)
    }

    /// The name of the load balancer in front of its API.
    ///
    /// `pkg/cloud/services/loadbalancer/loadbalancer.go`, `getLoadBalancerName`.
    pub fn api_balancer(&self) -> String {
        format!("{}-kubeapi", self.network())
    }

    /// The description of its ports, floating IPs, and most of the rest.
    ///
    /// `pkg/utils/names/names.go`, `GetDescription`.
    pub fn description(&self) -> String {
        format!(
            "Created by cluster-api-provider-openstack cluster {}-{}",
            self.namespace, self.name
        )
    }

    /// Returns whether the load balancer of that name belongs to the cluster: to its API, or to one of
    /// its services.
    ///
    /// For a service: cloud-provider-openstack 1.31, `pkg/openstack/loadbalancer.go`,
    /// `kube_service_CLUSTER_NAMESPACE_SERVICE`. No part has an underscore in it.
    pub fn has_balancer(&self, name: &str) -> bool {
        let service = name.strip_prefix(&format!("kube_service_{}_", self.name));
        let parts = service.map(|rest| rest.split('_').filter(|part| !part.is_empty()).count());
        name == self.api_balancer() || parts == Some(2)
    }

    /// Returns whether the floating IP with that description was created for the cluster: by the
    /// provider, or by the cloud controller for a service.
    pub fn has_address(&self, description: &str) -> bool {
        let service = description
            .strip_prefix("Floating IP for Kubernetes external service ")
            .and_then(|rest| rest.strip_suffix(&format!(" from cluster {}", self.name)));
        description == self.description() || service.is_some_and(is_service)
    }

    /// Returns whether the security group belongs to the cluster: by the provider's name, or because
    /// the cloud controller created it for a service.
    ///
    /// `pkg/cloud/services/networking/securitygroups.go`; `pkg/openstack/loadbalancer.go`,
    /// `ensureSecurityGroup`.
    pub fn has_group(&self, name: &str, description: &str) -> bool {
        let prefix = format!("k8s-cluster-{}-{}-secgroup-", self.namespace, self.name);
        let provider = name
            .strip_prefix(&prefix)
            .is_some_and(|role| ["controlplane", "worker", "bastion"].contains(&role));
        let service = description
            .strip_prefix("Security Group for ")
            .and_then(|rest| rest.strip_suffix(&self.balancer_group()));
        provider || (name.starts_with("lb-sg-") && service.is_some_and(is_service))
    }

    fn balancer_group(&self) -> String {
        format!(" Service LoadBalancer in cluster {}", self.name)
    }
}

/// `NAMESPACE/SERVICE`
fn is_service(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    text.split_once('/').is_some_and(|(namespace, name)| plain(namespace) && plain(name))
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterName;

    #[test]
    fn near_matches_are_other_clusters() {
        let mark = ClusterName::new("magnum-67a1", "c1-cyusd2b67a45");
        let balancers = [
            ("k8s-clusterapi-cluster-magnum-67a1-c1-cyusd2b67a45-kubeapi", true),
            ("k8s-clusterapi-cluster-magnum-67a1-c1-cyusd2b67a45-kubeapi-2", false),
            ("k8s-clusterapi-cluster-magnum-67a1-c1-cyusd2b67a450-kubeapi", false),
            ("k8s-clusterapi-cluster-magnum-67a11-c1-cyusd2b67a45-kubeapi", false),
            ("kube_service_c1-cyusd2b67a45_web_front", true),
            ("kube_service_c1-cyusd2b67a450_web_front", false),
            ("kube_service_c1-cyusd2b67a45_web", false),
            ("kube_service_c1-cyusd2b67a45_web_front_2", false),
            ("kube_service_c1-cyusd2b67a45__front", false),
        ];
        for (name, ours) in balancers {
            assert_eq!(mark.has_balancer(name), ours, "{name}");
        }
        let of = "Floating IP for Kubernetes external service";
        let addresses = [
            ("Created by cluster-api-provider-openstack cluster magnum-67a1-c1-cyusd2b67a45", true),
            ("Created by cluster-api-provider-openstack cluster magnum-67a1-c1-cyusd2b67a4", false),
            (
                "created by cluster-api-provider-openstack cluster magnum-67a1-c1-cyusd2b67a45",
                false,
            ),
            ("", false),
        ];
        for (description, ours) in addresses {
            assert_eq!(mark.has_address(description), ours, "{description}");
        }
        for (service, cluster, ours) in [
            ("web/front", "c1-cyusd2b67a45", true),
            ("web/front", "c1-cyusd2b67a450", false),
            ("web/front", "x-c1-cyusd2b67a45", false),
            ("web", "c1-cyusd2b67a45", false),
            ("web/front of ours", "c1-cyusd2b67a45", false),
        ] {
            let description = format!("{of} {service} from cluster {cluster}");
            assert_eq!(mark.has_address(&description), ours, "{description}");
        }
        let group = "Cluster API managed group";
        let service =
            "Security Group for web/front Service LoadBalancer in cluster c1-cyusd2b67a45";
        for (name, description, ours) in [
            ("k8s-cluster-magnum-67a1-c1-cyusd2b67a45-secgroup-worker", group, true),
            ("k8s-cluster-magnum-67a1-c1-cyusd2b67a45-secgroup-worker2", group, false),
            ("k8s-cluster-magnum-67a1-c1-cyusd2b67a450-secgroup-worker", group, false),
            ("lb-sg-5a-web-front", service, true),
            ("web", service, false),
            ("lb-sg-5a-web-front", &format!("{service}0"), false),
        ] {
            assert_eq!(mark.has_group(name, description), ours, "{name} {description}");
        }
    }
}
