//! Ensures that there is a cluster.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cluster, ContainerInfra, DeleteCluster};
use crate::Error;

/// The project has one cluster of this name and template. Magnum has accepted it; it need not be
/// complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCluster {
    /// Its name.
    pub name: String,
    /// The id of its template.
    pub template: String,
    /// The key pair of the user who logs in.
    pub keypair: Option<String>,
    /// Machines of the control plane: 1, 3 or 5.
    pub master_count: u32,
    /// Workers.
    pub node_count: u32,
    /// Labels beside those of the template, which the cluster has in any case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The clusters of one name, and the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterObserved {
    /// The clusters of the name in the project.
    pub clusters: Vec<Cluster>,
    /// Magnum's time of the answer.
    pub at: Timestamp,
    /// The ids of those that Magnum's conductor is still handing to its driver: a delete now would be
    /// overtaken. Looked at only before a delete.
    #[serde(default)]
    pub in_hand_over: Vec<String>,
}

impl ClusterObserved {
    /// Returns whether a cluster that was requested at the time `after` may still appear: Magnum answers
    /// before it has stored it.
    pub fn may_still_appear(&self, after: Option<Timestamp>) -> bool {
        super::delete_cluster::may_still_appear(after, self.at)
    }
}

/// `POST /v1/clusters`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterCreation(CreateCluster);

impl From<CreateCluster> for ClusterCreation {
    fn from(cluster: CreateCluster) -> Self {
        Self(cluster)
    }
}

impl ClusterCreation {
    /// Sends it.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not accept it.
    pub async fn send(&self, magnum: &ContainerInfra) -> Result<(), Error> {
        magnum.create_cluster(self.0.body()).await.map(drop)
    }
}

impl CreateCluster {
    fn body(&self) -> Value {
        let Self { name, template, keypair, master_count, node_count, labels } = self;
        let mut body = json!({
            "name": name,
            "cluster_template_id": template,
            "keypair": keypair,
            "master_count": master_count,
            "node_count": node_count,
        });
        if let (false, Some(body)) = (labels.is_empty(), body.as_object_mut()) {
            body.insert("labels".to_owned(), json!(labels));
            // The driver reads the template's labels in any case (magnum-capi-helm 1.4.0, `_label`).
            body.insert("merge_labels".to_owned(), json!(true));
        }
        body
    }
}

impl Desired for CreateCluster {
    const KIND: &'static str = "openstack.cluster.v1";
    type Target = ContainerInfra;
    type Observed = ClusterObserved;
    type Change = ClusterCreation;
    type Undo = DeleteCluster;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster", &self.name)
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<ClusterObserved, Error> {
        magnum.clusters_named(&self.name).await
    }

    fn diff(&self, seen: &ClusterObserved) -> Result<Delta<ClusterCreation>, Conflict> {
        let refuse =
            |why: String| Conflict::new(why, "choose another name (openstack coe cluster list)");
        match seen.clusters.as_slice() {
            [] => Ok(Delta::Changes(vec![ClusterCreation(self.clone())])),
            [one] if one.cluster_template_id == self.template => Ok(Delta::Satisfied),
            [one] => {
                let why = format!("it uses the template {}", one.cluster_template_id);
                Err(refuse(why).seen(&self.template, &one.cluster_template_id))
            }
            many => Err(refuse(format!("{} clusters have the name {:?}", many.len(), self.name))),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        magnum: &ContainerInfra,
        creation: &ClusterCreation,
    ) -> Result<(), Error> {
        creation.send(magnum).await
    }

    fn undo(&self, before: &ClusterObserved) -> Option<DeleteCluster> {
        before.clusters.is_empty().then(|| DeleteCluster::asked_for(&self.name, before.at))
    }

    fn removal(&self, made: &ClusterObserved) -> Option<DeleteCluster> {
        made.clusters.first().map(|cluster| DeleteCluster::known(&self.name, &cluster.uuid))
    }

    /// Magnum answers 202 before its conductor has stored the cluster.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), super::delete_cluster::APPEARS)
    }
}

impl Describe for ClusterCreation {
    fn describe(&self) -> Diff {
        let CreateCluster { name, template, keypair: _, master_count, node_count, labels } =
            &self.0;
        let effect = format!("new, {master_count}+{node_count} machines of template {template}");
        let diff = Diff::new(ChangeKind::Create, Subject::new("cluster", name), effect);
        labels.iter().fold(diff, |diff, (key, value)| diff.with(format!("label {key}: {value}")))
    }
}
