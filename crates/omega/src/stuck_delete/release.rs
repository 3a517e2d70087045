//! Releasing a cluster stuck deleting: the credential first, then the finalizers, children before
//! their parents, then what is left in the cloud.

use std::{fmt, sync::Arc, time::Duration};

use omega_capi::{
    Error, Management, Namespace,
    credentials::{ClusterCredentials, read_cluster_credentials},
    served::ServedVersions,
    stuck::{
        CredentialSource, Deletion, HeldObject, ReleaseFinalizers, ReplaceCredentials,
        read_deletion,
    },
};
use omega_core::{Failure, Item, Label as _, Section, TargetPlan, step};
use omega_openstack::{
    ClusterName, Transport,
    load_balancer::{LoadBalancers, RemoveClusterBalancers},
    network::{Network, RemoveClusterNetwork},
};

use super::{
    Login, Replacement,
    gates::{Authenticates, Finishes, IsGone, IsStuck, NothingStays},
};

/// A cluster stuck deleting, with its client and limits.
#[derive(Clone)]
pub struct StuckCluster {
    /// The management cluster.
    pub management: Arc<Management>,
    /// The versions that it serves.
    pub served: Arc<ServedVersions>,
    /// The cluster's namespace.
    pub namespace: Namespace,
    /// Magnum's `stack_id`: the name of the Cluster.
    pub stack: String,
    /// After this long without progress a delete counts as stuck.
    pub patience: Duration,
    /// How long the controllers get to finish after each change.
    pub wait: Duration,
    /// Checks the cluster's own credential.
    pub login: Login,
}

impl fmt::Debug for StuckCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StuckCluster")
            .field("namespace", &self.namespace)
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

/// The release as a job.
#[derive(Debug)]
pub struct Release {
    /// The cluster.
    pub cluster: StuckCluster,
    /// The objects that hold it, which determine the steps.
    pub held: Vec<HeldObject>,
    /// A complete clouds.yaml that authenticates, to replace the cluster's own.
    pub replacement: Option<Replacement>,
    /// The cluster's project.
    pub project: Arc<dyn Transport>,
}

impl StuckCluster {
    pub(super) fn mark(&self) -> ClusterName {
        ClusterName::new(self.namespace.as_str(), &self.stack)
    }

    pub(super) async fn deletion(&self) -> Result<Deletion, Failure> {
        let Self { management, served, namespace, stack, .. } = self;
        read_deletion(management, served, namespace, stack).await.map_err(|e| self.unread(&e))
    }

    pub(super) async fn credentials(&self) -> Result<Option<ClusterCredentials>, Failure> {
        let Self { management, namespace, stack, .. } = self;
        read_cluster_credentials(management, namespace, stack).await.map_err(|e| self.unread(&e))
    }

    pub(super) fn unread(&self, error: &Error) -> Failure {
        let what = format!("could not read what is left of {}", self.mark());
        Failure::from_error(what, error)
    }
}

impl Release {
    /// Returns the targets: the management cluster, then the project.
    pub fn targets(&self) -> Vec<TargetPlan> {
        let management = vec![
            Section::new("1", "Credential and patience", self.first()),
            Section::new("2", "Finalizers, children first", self.finalizers()),
        ];
        let project = Section::new("3", "What is left in the cloud", self.orphans());
        vec![
            TargetPlan::shared(self.cluster.management.label(), management),
            TargetPlan::shared(self.project.label(), vec![project]),
        ]
    }

    fn first(&self) -> Vec<Item> {
        let cluster = &self.cluster;
        let wanted = self.replacement.as_ref().map(|new| new.clouds.digest());
        let mut items: Vec<Item> = vec![Item::gate(IsStuck { cluster: cluster.clone() })];
        if let (Some(Replacement { clouds, cacert }), Some(sha256)) = (&self.replacement, wanted) {
            let management = (*cluster.management).clone();
            let (clouds, cacert) = (clouds.clone(), cacert.clone());
            let source = CredentialSource { management, clouds, cacert };
            let (namespace, stack) = (cluster.namespace.clone(), cluster.stack.clone());
            // The root goes last: until then the secret is needed.
            let create_for = self.held.last().map(|root| root.object.clone());
            let may_be_gone = true;
            let replace = ReplaceCredentials { namespace, stack, sha256, may_be_gone, create_for };
            items.push(Item::Step(step(&Arc::new(source), replace)));
        }
        items.push(Item::gate(Authenticates { cluster: cluster.clone(), wanted }));
        items
    }

    fn finalizers(&self) -> Vec<Item> {
        let awaited = self.held.last().is_some_and(|root| root.deleted.is_some());
        let mut items = Vec::new();
        for (nth, held) in self.held.iter().enumerate() {
            // The change before may be all that the controllers were waiting for.
            if nth > 0 || self.replacement.is_some() {
                items.push(Item::wait(Finishes {
                    cluster: self.cluster.clone(),
                    object: held.clone(),
                    after: self.held.iter().take(nth).cloned().collect(),
                    wanted: self.replacement.as_ref().map(|new| new.clouds.digest()),
                }));
            }
            let release = ReleaseFinalizers { object: held.object.clone(), awaited };
            items.push(Item::Step(step(&self.cluster.management, release)));
        }
        items
    }

    fn orphans(&self) -> Vec<Item> {
        let cluster = self.cluster.mark();
        let octavia = Arc::new(LoadBalancers::new(Arc::clone(&self.project)));
        let neutron = Arc::new(Network::new(Arc::clone(&self.project)));
        vec![
            Item::gate(IsGone { cluster: self.cluster.clone(), known: self.held.clone() }),
            Item::Step(step(&octavia, RemoveClusterBalancers { cluster: cluster.clone() })),
            Item::Step(step(&neutron, RemoveClusterNetwork { cluster })),
            Item::gate(NothingStays { cluster: self.cluster.clone(), neutron }),
        ]
    }
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
