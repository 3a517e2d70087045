//! Removes a workload cluster's resources in Neutron.

use std::time::Duration;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{
    client::Network,
    cluster_network::{ClusterNetworkObserved, Remaining},
    network_resources::NetworkResource,
};
use crate::{ClusterName, Error, service_response::deleted};

/// No resource of the cluster's network is left: floating IPs, ports, routers, subnets, networks,
/// security groups.
///
/// # Guarantees
///
/// Only resources with exactly the cluster's names or descriptions ([`ClusterName`]) in the project of
/// the token are removed, each after those that use it. A network is removed with its subnets (Neutron
/// 21, `db/db_base_plugin_v2.py`, `delete_network`). A resource that a foreign one uses (a port on the
/// network) is kept, with everything that depends on it, and named in the notes and by
/// [`RemoveClusterNetwork::remaining`].
///
/// # Assumptions
///
/// The cluster, its servers and its load balancers are gone. Neutron refuses to remove what remaining
/// ones use, and a later run can continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveClusterNetwork {
    /// The cluster.
    pub cluster: ClusterName,
}

/// Removes the resources of `cluster` in Neutron, and returns once they are gone.
///
/// ```no_run
/// # use omega_openstack::{ClusterName, network::*};
/// # async fn f(ctx: &omega_core::Context, neutron: &Network) -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = ClusterName::new("magnum-67a1", "c1-cyusd2b67a45");
/// let done = remove_cluster_network(ctx, neutron, cluster).await?;
/// println!("removed any: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if Neutron does not permit it, or if another resource started to use a part meanwhile.
pub async fn remove_cluster_network(
    ctx: &Context,
    network: &Network,
    cluster: ClusterName,
) -> Result<Outcome<ClusterNetworkObserved>, EnsureError<Error>> {
    ensure(ctx, network, &RemoveClusterNetwork { cluster }).await
}

/// The removal of one resource in Neutron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkResourceRemoval {
    /// Its kind.
    #[serde(alias = "part")]
    pub resource: NetworkResource,
    /// Its id; the router's for a router's interface.
    pub id: String,
    /// Its name or its address.
    pub name: String,
    /// The subnet, for a router's interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
}

impl RemoveClusterNetwork {
    /// Returns the resources that are related to the cluster and are kept, with the reasons.
    pub fn remaining(&self, seen: &ClusterNetworkObserved) -> Vec<Remaining> {
        seen.ours(&self.cluster).remaining()
    }

    fn removals(&self, seen: &ClusterNetworkObserved) -> Vec<NetworkResourceRemoval> {
        let ours = seen.ours(&self.cluster);
        let plain = |(resource, id, name): (NetworkResource, &str, &str)| NetworkResourceRemoval {
            resource,
            id: id.to_owned(),
            name: name.to_owned(),
            subnet: None,
        };
        let goes_with_network = |id: &str| {
            let subnet = ours.subnets.iter().find(|subnet| subnet.id == id);
            subnet.is_some_and(|s| ours.kept(NetworkResource::Network, &s.network_id).is_none())
        };
        let free = |(part, id, _): &(NetworkResource, &str, &str)| {
            ours.kept(*part, id).is_none()
                && !(*part == NetworkResource::Subnet && goes_with_network(id))
        };
        let (before, after): (Vec<_>, Vec<_>) = ours
            .all()
            .into_iter()
            .filter(free)
            .partition(|(part, _, _)| *part < NetworkResource::RouterInterface);
        let interfaces = ours.interfaces().into_iter();
        let interfaces = interfaces
            .filter(|(port, _, _)| ours.kept(NetworkResource::RouterInterface, &port.id).is_none())
            .map(|(_, router, subnet)| NetworkResourceRemoval {
                resource: NetworkResource::RouterInterface,
                id: router.id.clone(),
                name: router.name.clone(),
                subnet: Some(subnet.id.clone()),
            });
        let (before, after) = (before.into_iter().map(plain), after.into_iter().map(plain));
        before.chain(interfaces).chain(after).collect()
    }
}

impl Desired for RemoveClusterNetwork {
    const KIND: &'static str = "openstack.no-cluster-network.v1";
    type Target = Network;
    type Observed = ClusterNetworkObserved;
    type Change = NetworkResourceRemoval;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("network", format!("of {}", self.cluster))
    }

    fn key(&self) -> String {
        self.cluster.to_string()
    }

    async fn observe(&self, network: &Network) -> Result<ClusterNetworkObserved, Error> {
        network.inventory().await
    }

    fn diff(
        &self,
        seen: &ClusterNetworkObserved,
    ) -> Result<Delta<NetworkResourceRemoval>, Conflict> {
        Ok(Delta::of(self.removals(seen)))
    }

    async fn apply(
        &self,
        _: &Context,
        network: &Network,
        change: &NetworkResourceRemoval,
    ) -> Result<(), Error> {
        let NetworkResourceRemoval { resource, id, name: _, subnet } = change;
        deleted(match subnet {
            Some(subnet) => network.remove_interface(id, subnet).await,
            None => network.delete_resource(*resource, id).await,
        })
    }

    /// Neutron is done when it answers; five seconds allow for a cache in between.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }

    fn notes(&self, seen: &ClusterNetworkObserved, _: Timestamp) -> Vec<Note> {
        let note = |Remaining { noun, id, name, why }: Remaining| {
            Note::new(format!("{noun} {name} ({id}) is kept: {why}"))
        };
        self.remaining(seen).into_iter().map(note).collect()
    }
}

impl Describe for NetworkResourceRemoval {
    fn describe(&self) -> Diff {
        let Self { resource, id, name, subnet } = self;
        let effect = match subnet {
            Some(subnet) => format!("between router {id} and subnet {subnet}"),
            None if *resource == NetworkResource::Network => format!("was {id}, with its subnets"),
            None => format!("was {id}"),
        };
        Diff::new(ChangeKind::Delete, Subject::new(&resource.to_string(), name), effect)
    }
}
