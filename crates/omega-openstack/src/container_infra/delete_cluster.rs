//! Ensures that a cluster does not exist.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};

use super::{Cluster, ClusterObserved, ContainerInfra};
use crate::{Error, service_response::deleted};

/// How long after a create request a cluster may take to appear in Magnum's list. The API answers
/// before the conductor has stored it (Magnum, `conductor/handlers/cluster_conductor.py`,
/// `cluster_create`), and the request itself may take a minute.
pub(super) const APPEARS: Duration = Duration::from_mins(2);

/// Returns whether an object that was requested at the time `after` may still appear.
pub(super) fn may_still_appear(after: Option<Timestamp>, now: Timestamp) -> bool {
    after.is_some_and(|after| now.duration_since(after) < jiff::SignedDuration::from_secs(120))
}

/// How long a hand-over to the driver is waited for: it takes seconds. A conductor that was restarted
/// in the middle of one never ends it, and then nothing overtakes a delete.
const HAND_OVER: SignedDuration = SignedDuration::from_mins(10);

/// That the project has no cluster of this name, deleted by Magnum: its driver removes the machines,
/// the trust and the application credential with it.
///
/// # Caveats
///
/// A cluster whose creation has not yet reached the driver's helm release is first waited for: Magnum
/// would answer that it is deleted, then install the release, and leave the whole cluster in Cluster
/// API (seen with Magnum 18.0.1 and magnum-capi-helm 1.4.0).
///
/// While the management API does not serve a version that the driver reads, Magnum's delete looks as
/// if it had worked and leaves the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteCluster {
    name: String,
    /// Its id. If set, other objects with the same name are not changed.
    id: Option<String>,
    /// When its creation was requested, if it has not been observed yet.
    asked_after: Option<Timestamp>,
    /// Whether a failed delete is repeated.
    repeat: Repeat,
}

/// Whether a failed delete (`DELETE_FAILED`) is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Repeat {
    /// Never: it is a refusal.
    Never,
    /// Only the failure of this time (`updated_at`); another one is a refusal.
    Failure(Option<String>),
    /// Always.
    Always,
}

impl DeleteCluster {
    /// Returns the fact that no cluster has the name. A failed delete is repeated.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: None, asked_after: None, repeat: Repeat::Always }
    }

    /// Returns the fact that this cluster is gone; others of its name are not changed. A delete that has
    /// failed is repeated, one that fails now is a refusal.
    pub fn of(cluster: &Cluster) -> Self {
        Self::known(&cluster.name, &cluster.uuid).after_failure(cluster)
    }

    /// Returns the same fact about a cluster that was requested at the time `after` and has not been
    /// observed: it may still appear.
    pub fn asked_for(name: &str, after: Timestamp) -> Self {
        Self { asked_after: Some(after), ..Self::named(name) }
    }

    /// Returns the fact that this observed cluster is gone. A failed delete is a refusal.
    pub(super) fn known(name: &str, id: &str) -> Self {
        Self { id: Some(id.to_owned()), repeat: Repeat::Never, ..Self::named(name) }
    }

    /// Returns the same fact, with the failed delete that `failed` shows repeated.
    pub(super) fn after_failure(self, failed: &Cluster) -> Self {
        Self { repeat: Repeat::Failure(failed.updated_at.clone()), ..self }
    }

    /// Returns the cluster that it is about, if it is there and the only one.
    pub fn cluster<'a>(&self, seen: &'a ClusterObserved) -> Option<&'a Cluster> {
        let mut ours = seen.clusters.iter().filter(|one| self.is_about(one));
        ours.next().filter(|_| ours.next().is_none())
    }

    fn is_about(&self, one: &Cluster) -> bool {
        self.id.as_ref().is_none_or(|id| *id == one.uuid)
    }

    fn deletion(
        &self,
        cluster: &Cluster,
        seen: &ClusterObserved,
    ) -> Result<Delta<ClusterDeletion>, Conflict> {
        let delete = || Ok(Delta::Changes(vec![cluster.into()]));
        if cluster.is_being_deleted() {
            return Ok(Delta::Wait(cluster.status_text()));
        }
        if seen.in_hand_over.contains(&cluster.uuid) && cluster.is_younger(HAND_OVER, seen.at) {
            let why = "its creation has not reached Cluster API, and would overtake a delete";
            return Ok(Delta::Wait(format!("{}: {why}", cluster.status_text())));
        }
        if cluster.status.as_deref() != Some("DELETE_FAILED") {
            return delete();
        }
        match &self.repeat {
            Repeat::Always => delete(),
            Repeat::Failure(at) if *at == cluster.updated_at => delete(),
            Repeat::Failure(_) | Repeat::Never => {
                let next = "the reason is in the driver's log (magnum-conductor)";
                Err(Conflict::new(cluster.status_text(), next))
            }
        }
    }
}

/// `DELETE /v1/clusters/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDeletion {
    name: String,
    id: String,
}

impl From<&Cluster> for ClusterDeletion {
    fn from(cluster: &Cluster) -> Self {
        Self { name: cluster.name.clone(), id: cluster.uuid.clone() }
    }
}

impl ClusterDeletion {
    /// Sends it. That the cluster is gone is no error: another client may have deleted it.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not accept it.
    pub async fn send(&self, magnum: &ContainerInfra) -> Result<(), Error> {
        deleted(magnum.delete_cluster(&self.id).await)
    }
}

impl Desired for DeleteCluster {
    const KIND: &'static str = "openstack.no-cluster.v1";
    type Target = ContainerInfra;
    type Observed = ClusterObserved;
    type Change = ClusterDeletion;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster", &self.name)
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<ClusterObserved, Error> {
        magnum.clusters_to_delete(&self.name).await
    }

    fn diff(&self, seen: &ClusterObserved) -> Result<Delta<ClusterDeletion>, Conflict> {
        let mut ours = seen.clusters.iter().filter(|one| self.is_about(one));
        match (ours.next(), ours.next()) {
            (None, _) if may_still_appear(self.asked_after, seen.at) => {
                Ok(Delta::Wait("Magnum may still be creating it".to_owned()))
            }
            (None, _) => Ok(Delta::Satisfied),
            (Some(cluster), None) => self.deletion(cluster, seen),
            (Some(one), Some(_)) => {
                let why = format!("several clusters have the name {:?}", self.name);
                let next = format!("delete by id: openstack coe cluster delete {}", one.uuid);
                Err(Conflict::new(why, next))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        magnum: &ContainerInfra,
        change: &ClusterDeletion,
    ) -> Result<(), Error> {
        change.send(magnum).await
    }

    /// Deleting the machines can take minutes; 15 allow for a busy cloud.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(5), Duration::from_mins(15))
    }
}

impl Describe for ClusterDeletion {
    fn describe(&self) -> Diff {
        let subject = Subject::new("cluster", &self.name);
        Diff::new(ChangeKind::Delete, subject, format!("was {}, with its machines", self.id))
    }
}
