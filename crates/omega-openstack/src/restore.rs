//! Every operation of this crate, by its name in journals.

use std::sync::Arc;

use omega_core::{Desired, Step, step};
use serde_json::Value;

use crate::{
    Transport,
    compute::{Compute, GuestRunning},
    container_infra::{
        ClusterTemplate, ContainerInfra, CreateCluster, CreateTemplate, DeleteCluster,
        DeleteTemplate, RestoreTemplate,
    },
    image::{DeleteImage, Images, StagedImage},
    load_balancer::{
        ActiveLoadBalancer, FailedOver, LoadBalancerAdmin, LoadBalancers, RemoveClusterBalancers,
    },
    network::{Network, RemoveClusterNetwork, RestoreSgRules, SgRule},
};

/// Returns the step that makes the desired fact of `kind` true in the project that
/// `transport`'s token is scoped to. None if no operation of this crate has the kind.
///
/// # Errors
///
/// Fails if `desired` is not of that kind.
pub fn restore(
    kind: &str,
    desired: &Value,
    transport: &Arc<dyn Transport>,
) -> Result<Option<Box<dyn Step>>, serde_json::Error> {
    fn bind<D: Desired>(
        target: D::Target,
        desired: &Value,
    ) -> Result<Option<Box<dyn Step>>, serde_json::Error>
    where
        D::Target: Sized + 'static,
    {
        Ok(Some(step(&Arc::new(target), D::deserialize(desired)?)))
    }
    let cloud = Arc::clone(transport);
    match kind {
        GuestRunning::KIND => bind::<GuestRunning>(Compute::new(cloud), desired),
        SgRule::KIND => bind::<SgRule>(Network::new(cloud), desired),
        RestoreSgRules::KIND => bind::<RestoreSgRules>(Network::new(cloud), desired),
        RemoveClusterNetwork::KIND => bind::<RemoveClusterNetwork>(Network::new(cloud), desired),
        RemoveClusterBalancers::KIND => {
            bind::<RemoveClusterBalancers>(LoadBalancers::new(cloud), desired)
        }
        ActiveLoadBalancer::KIND => {
            bind::<ActiveLoadBalancer>(LoadBalancerAdmin::unchecked(cloud), desired)
        }
        FailedOver::KIND => bind::<FailedOver>(LoadBalancerAdmin::unchecked(cloud), desired),
        CreateTemplate::KIND => bind::<CreateTemplate>(ContainerInfra::new(cloud), desired),
        DeleteTemplate::KIND => bind::<DeleteTemplate>(ContainerInfra::new(cloud), desired),
        ClusterTemplate::KIND => bind::<ClusterTemplate>(ContainerInfra::new(cloud), desired),
        RestoreTemplate::KIND => bind::<RestoreTemplate>(ContainerInfra::new(cloud), desired),
        CreateCluster::KIND => bind::<CreateCluster>(ContainerInfra::new(cloud), desired),
        DeleteCluster::KIND => bind::<DeleteCluster>(ContainerInfra::new(cloud), desired),
        StagedImage::KIND => bind::<StagedImage>(Images::new(cloud), desired),
        DeleteImage::KIND => bind::<DeleteImage>(Images::new(cloud), desired),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use omega_core::testing::defined_kinds;
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;
    use crate::{ClusterName, network::Flow, sim::Cloud};

    /// A fact of every operation, as a journal has it: the formats must not change.
    fn stored() -> Vec<(&'static str, Value)> {
        let spec = json!({
            "image": "k8s", "external_network": "public", "flavor": "m", "master_flavor": "m",
        });
        let mark = json!({ "cluster": { "namespace": "magnum-1", "name": "c1" } });
        let rule = json!({
            "direction": "ingress", "ethertype": "IPv4", "protocol": "6", "port_range_min": 22,
            "port_range_max": 22, "remote_ip_prefix": null, "remote_group_id": null,
        });
        let mut was = rule.clone();
        was["id"] = json!("r1");
        was["description"] = json!("by hand");
        let flow = json!({ "traffic": { "ports": ["tcp", "22"] }, "peer": "0.0.0.0/0" });
        vec![
            ("openstack.guest.v1", json!({ "server": "u1", "state": "stopped" })),
            (
                "openstack.sg-rule.v1",
                json!({ "group": "web", "direction": "ingress", "flow": flow, "presence": "absent" }),
            ),
            (
                "openstack.restored-sg-rules.v1",
                json!({ "group": "web", "rule": rule, "was": [was] }),
            ),
            ("openstack.no-cluster-network.v1", mark.clone()),
            ("openstack.no-cluster-balancers.v1", mark),
            ("openstack.active-load-balancer.v1", json!({ "balancer": "web" })),
            ("openstack.failed-over-load-balancer.v1", json!({ "balancer": "b1", "old": ["a1"] })),
            ("openstack.cluster-template.v1", json!({ "name": "t", "spec": spec })),
            (
                "openstack.no-cluster-template.v1",
                json!({ "name": "t", "id": null, "asked_after": "2026-11-21T10:00:00Z" }),
            ),
            ("openstack.cluster-template.v2", json!({ "name": "t", "spec": spec })),
            (
                "openstack.restored-cluster-template.v1",
                json!({ "name": "t", "was": { "absent": { "created": spec } } }),
            ),
            (
                "openstack.cluster.v1",
                json!({ "name": "c", "template": "t", "keypair": null, "master_count": 1, "node_count": 1 }),
            ),
            (
                "openstack.image.v1",
                json!({
                    "name": "i", "os_distro": "ubuntu", "kube_version": "v1.34.8", "sha512": "00".repeat(64),
                    "source": "https://example.org/i.qcow2", "keep": null,
                }),
            ),
            ("openstack.no-image.v1", json!({ "name": "i", "id": "u", "only_unfinished": true })),
            (
                "openstack.no-cluster.v1",
                json!({ "name": "c", "id": null, "asked_after": null, "repeat": "always" }),
            ),
        ]
    }

    #[test]
    fn every_operation_can_be_restored() {
        let all = defined_kinds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let stored = stored();
        let known: BTreeSet<String> = stored.iter().map(|(kind, _)| (*kind).to_owned()).collect();
        assert_eq!(known, all, "every KIND of the sources is restored here");
        let cloud = Cloud::new().member("mgmt");
        let subjects: Vec<_> = stored
            .iter()
            .map(|(kind, desired)| {
                let step = restore(kind, desired, &cloud).unwrap().unwrap();
                assert_eq!(step.id().kind, *kind);
                format!("{kind} {}: {}", step.id().key, step.subject())
            })
            .collect();
        insta::assert_snapshot!(subjects.join("\n"), @"
        openstack.guest.v1 u1: server u1
        openstack.sg-rule.v1 web/ingress/ipv4/tcp/22-22/*: rule web: tcp 22 from 0.0.0.0/0
        openstack.restored-sg-rules.v1 web/ingress/ipv4/tcp/22-22/*: rule web: 6 22 from 0.0.0.0/0 as before
        openstack.no-cluster-network.v1 magnum-1/c1: network of magnum-1/c1
        openstack.no-cluster-balancers.v1 magnum-1/c1: load balancers of magnum-1/c1
        openstack.active-load-balancer.v1 web: load balancer web
        openstack.failed-over-load-balancer.v1 b1: load balancer b1
        openstack.cluster-template.v1 t: cluster template t
        openstack.no-cluster-template.v1 t: cluster template t
        openstack.cluster-template.v2 t: cluster template t
        openstack.restored-cluster-template.v1 t: cluster template t
        openstack.cluster.v1 c: cluster c
        openstack.image.v1 i: image i
        openstack.no-image.v1 u: image i
        openstack.no-cluster.v1 c: cluster c
        ");
        assert!(restore("openstack.sg-rule.v0", &json!({}), &cloud).unwrap().is_none());
        assert!(
            restore(SgRule::KIND, &json!({}), &cloud).is_err(),
            "a damaged fact is no unknown one"
        );
    }

    #[test]
    fn what_is_made_now_is_stored_in_the_same_form() {
        let flow = Flow::tcp("22".parse().unwrap(), "0.0.0.0/0".parse().unwrap());
        let mark = ClusterName::new("magnum-1", "c1");
        let stored = stored();
        let of = |kind: &str| &stored.iter().find(|(known, _)| *known == kind).unwrap().1;
        let rule = SgRule::ingress("web", flow).absent();
        let back = SgRule::deserialize(of(SgRule::KIND)).unwrap();
        assert_eq!(back, rule);
        let network = RemoveClusterNetwork { cluster: mark };
        assert_eq!(&serde_json::to_value(network).unwrap(), of(RemoveClusterNetwork::KIND));
        let gone = DeleteCluster::named("c");
        assert_eq!(&serde_json::to_value(gone).unwrap(), of(DeleteCluster::KIND));
    }
}
