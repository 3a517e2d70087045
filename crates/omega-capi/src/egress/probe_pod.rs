use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::probe::{EgressProbe, MARK};
use crate::{Error, Management, Namespace, Verb, list::METADATA, wire::PartialObject};

/// Ensures that the pod of a probe exists. It is temporary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePod {
    /// The probe.
    pub probe: EgressProbe,
}

/// An existing pod of the probe's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct ObservedPod {
    pub uid: String,
    /// Whether it has the label of probe pods.
    pub of_a_probe: bool,
    pub deleting: bool,
}

/// `POST` of the pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePod {
    probe: EgressProbe,
}

async fn observe(
    management: &Management,
    namespace: &Namespace,
    name: &str,
) -> Result<Option<ObservedPod>, Error> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let pod = management.find::<PartialObject>(&path, METADATA).await?;
    Ok(pod.map(|PartialObject { metadata }| ObservedPod {
        of_a_probe: metadata.labels.is_some_and(|all| all.get(MARK.0).is_some_and(|l| l == MARK.1)),
        uid: metadata.uid.unwrap_or_default(),
        deleting: metadata.deletion_timestamp.is_some(),
    }))
}

impl Desired for ProbePod {
    const KIND: &'static str = "capi.probe-pod.v1";
    type Target = Management;
    type Observed = Option<ObservedPod>;
    type Change = CreatePod;
    type Undo = RemovedPod;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("pod", format!("{}/{}", self.probe.namespace, self.probe.pod_name()))
    }

    fn key(&self) -> String {
        format!("{}/{}", self.probe.namespace, self.probe.pod_name())
    }

    async fn observe(&self, management: &Management) -> Result<Option<ObservedPod>, Error> {
        observe(management, &self.probe.namespace, &self.probe.pod_name()).await
    }

    fn diff(&self, seen: &Option<ObservedPod>) -> Result<Delta<CreatePod>, Conflict> {
        match seen {
            None => Ok(Delta::Changes(vec![CreatePod { probe: self.probe.clone() }])),
            Some(pod) if pod.of_a_probe => Ok(Delta::Satisfied),
            Some(_) => {
                let why = format!("{} exists and is not a probe pod", self.subject());
                Err(Conflict::new(why, "choose another name or another namespace"))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        management: &Management,
        change: &CreatePod,
    ) -> Result<(), Error> {
        let path = format!("/api/v1/namespaces/{}/pods", change.probe.namespace);
        management.change(Verb::Create, &path, &change.probe.pod(), &[]).await
    }

    fn undo(&self, before: &Option<ObservedPod>) -> Option<RemovedPod> {
        before.is_none().then(|| self.removed(None))
    }

    fn removal(&self, made: &Option<ObservedPod>) -> Option<RemovedPod> {
        Some(self.removed(Some(made.as_ref()?.uid.clone())))
    }
}

impl ProbePod {
    fn removed(&self, uid: Option<String>) -> RemovedPod {
        let EgressProbe { namespace, .. } = &self.probe;
        RemovedPod { namespace: namespace.clone(), name: self.probe.pod_name(), uid }
    }
}

/// Ensures that the pod of a probe is gone. A pod of that name that is not a probe is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct RemovedPod {
    pub namespace: Namespace,
    pub name: String,
    /// Its UID, if known: then another pod of that name is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// `DELETE` of the pod with this UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePod {
    namespace: Namespace,
    name: String,
    uid: String,
    /// `gracePeriodSeconds`; 0 deletes it without waiting for its kubelet.
    grace: u64,
}

impl Desired for RemovedPod {
    const KIND: &'static str = "capi.removed-pod.v1";
    type Target = Management;
    type Observed = Option<ObservedPod>;
    type Change = DeletePod;
    /// Deleting a probe pod can't be undone.
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("pod", format!("{}/{}", self.namespace, self.name))
    }

    fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    async fn observe(&self, management: &Management) -> Result<Option<ObservedPod>, Error> {
        observe(management, &self.namespace, &self.name).await
    }

    fn diff(&self, seen: &Option<ObservedPod>) -> Result<Delta<DeletePod>, Conflict> {
        let ours = |pod: &&ObservedPod| {
            pod.of_a_probe && self.uid.as_ref().is_none_or(|uid| *uid == pod.uid)
        };
        let Some(pod) = seen.as_ref().filter(ours) else {
            return Ok(Delta::Satisfied);
        };
        // First gracefully. If it is already being deleted, at once.
        let grace = u64::from(!pod.deleting);
        let (namespace, name, uid) = (self.namespace.clone(), self.name.clone(), pod.uid.clone());
        Ok(Delta::Changes(vec![DeletePod { namespace, name, uid, grace }]))
    }

    async fn apply(
        &self,
        _: &Context,
        management: &Management,
        change: &DeletePod,
    ) -> Result<(), Error> {
        let DeletePod { namespace, name, uid, grace } = change;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace,
            "preconditions": { "uid": uid },
        });
        management.change(Verb::Delete, &path, &options, &[404, 409]).await
    }

    /// A kubelet takes some seconds to end a pod.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Describe for CreatePod {
    fn describe(&self) -> Diff {
        let EgressProbe { namespace, image, host, port, .. } = &self.probe;
        let subject = Subject::new("pod", format!("{namespace}/{}", self.probe.pod_name()));
        let effect = format!("image {image}, connects to {host}:{port}; removed afterwards");
        Diff::new(ChangeKind::Create, subject, effect)
    }
}

impl Describe for DeletePod {
    fn describe(&self) -> Diff {
        let Self { namespace, name, uid, grace } = self;
        let effect =
            if *grace == 0 { "removed without waiting for its kubelet" } else { "removed" };
        let subject = Subject::new("pod", format!("{namespace}/{name}"));
        Diff::new(ChangeKind::Delete, subject, effect).with(format!("uid {uid}"))
    }
}

#[cfg(test)]
#[path = "probe_pod_laws.rs"]
mod laws;
