use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{EchoObserved, object::observe};
use crate::{
    Namespace, Verb,
    workload::{ClusterName, ManagedWorkload, WorkloadError},
};

/// The pods, or the service in front of them, are gone. An object of that name that is not omega's is
/// left alone.
///
/// # Caveats
///
/// A service of type `LoadBalancer` has a finalizer of the cloud controller
/// (`service.kubernetes.io/load-balancer-cleanup`): it is gone once its load balancer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct RemovedEcho {
    pub cluster: ClusterName,
    pub kind: EchoKind,
    pub namespace: Namespace,
    pub name: Namespace,
    /// Its UID, if known: then another object of that name is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Which of the two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are Kubernetes' kinds")]
pub enum EchoKind {
    Deployment,
    Service,
}

impl EchoKind {
    /// Returns the path of the collection.
    pub(super) fn collection(self, namespace: &Namespace) -> String {
        match self {
            Self::Deployment => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
            Self::Service => format!("/api/v1/namespaces/{namespace}/services"),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Service => "service",
        }
    }
}

/// `DELETE` of the object with this UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoDeletion {
    removed: RemovedEcho,
    uid: String,
}

impl RemovedEcho {
    /// Returns the path of the object.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.kind.collection(&self.namespace), self.name)
    }
}

impl Desired for RemovedEcho {
    const KIND: &'static str = "capi.removed-echo.v1";
    type Target = ManagedWorkload;
    type Observed = Option<EchoObserved>;
    type Change = EchoDeletion;
    /// A deletion can't be undone.
    type Undo = Self;
    type Error = WorkloadError;

    fn subject(&self) -> Subject {
        Subject::new(self.kind.noun(), format!("{}/{}", self.namespace, self.name))
    }

    fn key(&self) -> String {
        format!("{} {}/{}", self.kind.noun(), self.namespace, self.name)
    }

    async fn observe(
        &self,
        workload: &ManagedWorkload,
    ) -> Result<Option<EchoObserved>, WorkloadError> {
        match observe(workload, &self.path()).await {
            // With its cluster it is gone too.
            Err(WorkloadError::NoSecret { .. }) if workload.is_gone().await? => Ok(None),
            seen => seen,
        }
    }

    fn diff(&self, seen: &Option<EchoObserved>) -> Result<Delta<EchoDeletion>, Conflict> {
        let ours =
            |one: &&EchoObserved| one.ours && self.uid.as_ref().is_none_or(|uid| *uid == one.uid);
        match seen.as_ref().filter(ours) {
            None => Ok(Delta::Satisfied),
            Some(EchoObserved { deleting: true, .. }) => Ok(Delta::Wait(match self.kind {
                EchoKind::Deployment => format!("{}: its pods end", self.subject()),
                EchoKind::Service => format!(
                    "{}: the cloud controller has not deleted its load balancer yet",
                    self.subject()
                ),
            })),
            Some(EchoObserved { uid, .. }) => {
                let (removed, uid) = (self.clone(), uid.clone());
                Ok(Delta::Changes(vec![EchoDeletion { removed, uid }]))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        workload: &ManagedWorkload,
        change: &EchoDeletion,
    ) -> Result<(), WorkloadError> {
        // In the foreground: a Deployment is gone once its pods are.
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground",
            "preconditions": { "uid": change.uid },
        });
        let api = workload.api().await?;
        Ok(api.change(Verb::Delete, &change.removed.path(), &options, &[404, 409]).await?)
    }

    /// The cloud controller deletes a load balancer in a minute or two, and repeats what fails.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_mins(10))
    }
}

impl Describe for EchoDeletion {
    fn describe(&self) -> Diff {
        let effect = match self.removed.kind {
            EchoKind::Deployment => "with its pods",
            EchoKind::Service => "with its load balancer and its floating IP",
        };
        Diff::new(ChangeKind::Delete, self.removed.subject(), effect)
            .with(format!("uid {}", self.uid))
    }
}
