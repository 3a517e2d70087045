//! The pod of a probe, as a fact; and that it is gone.

use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::probe::{EgressProbe, MARK};
use crate::{Error, Management, Namespace, Verb, list::JSON};

/// That the pod of a probe is there. It is made to be removed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePod {
    /// The probe.
    pub probe: EgressProbe,
}

/// A pod, as far as a probe's life goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObservedPod {
    /// Its UID.
    pub uid: String,
    /// Whether a probe made it: by its label.
    pub of_a_probe: bool,
    /// Whether it is being deleted.
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
    match management.read::<Value>(&path, JSON).await {
        Ok(pod) => {
            let metadata = |key: &str| pod.pointer(&format!("/metadata/{key}"));
            let label = metadata("labels").and_then(|labels| labels.get(MARK.0));
            Ok(Some(ObservedPod {
                uid: metadata("uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
                of_a_probe: label.is_some_and(|label| label == MARK.1),
                deleting: metadata("deletionTimestamp").is_some_and(|time| !time.is_null()),
            }))
        }
        Err(Error::Status { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
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
                let why = format!("{} is there, and is not a probe", self.subject());
                Err(Conflict::new(why, "choose another name, or another namespace"))
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
        management.send(Verb::Create, &path, &change.probe.pod()).await.map(drop)
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

/// That the pod of a probe is gone. A pod of its name that no probe made is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedPod {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
    /// Its UID, where it is known: another pod of its name is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// `DELETE` of the pod with this UID, and of no other of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePod {
    namespace: Namespace,
    name: String,
    uid: String,
    /// How many seconds its kubelet has; 0: it is not waited for.
    grace: u64,
}

impl Desired for RemovedPod {
    const KIND: &'static str = "capi.removed-pod.v1";
    type Target = Management;
    type Observed = Option<ObservedPod>;
    type Change = DeletePod;
    /// A probe is not started twice.
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
        // First as its kubelet likes it; if that was asked for before, without it.
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
        match management.send(Verb::Delete, &path, &options).await {
            // It is gone, or another pod has that name: verification will look.
            Ok(_) | Err(Error::Status { code: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A kubelet takes a moment to end a pod.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Describe for CreatePod {
    fn describe(&self) -> Diff {
        let EgressProbe { namespace, image, host, port, .. } = &self.probe;
        let subject = Subject::new("pod", format!("{namespace}/{}", self.probe.pod_name()));
        let effect = format!("image {image}, which tries {host}:{port}; it is removed again");
        Diff::new(ChangeKind::Create, subject, effect)
    }
}

impl Describe for DeletePod {
    fn describe(&self) -> Diff {
        let Self { namespace, name, uid, grace } = self;
        let effect = if *grace == 0 { "removed without its kubelet" } else { "removed" };
        let subject = Subject::new("pod", format!("{namespace}/{name}"));
        Diff::new(ChangeKind::Delete, subject, effect).with(format!("uid {uid}"))
    }
}

#[cfg(test)]
#[path = "probe_pod_laws.rs"]
mod laws;
