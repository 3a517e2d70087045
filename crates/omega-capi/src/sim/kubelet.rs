use http::StatusCode;
use serde_json::{Value, json};

use super::request::{Answer, status};

/// What happens to every pod, with the messages of scheduler, kubelet and admission.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PodOutcome {
    /// Nothing, as there is no scheduler.
    Ignored,
    /// It can't be scheduled.
    Unschedulable,
    /// Its image can't be pulled.
    NoImage,
    /// It can't be started.
    NotStarted,
    /// Its program ends with this exit code and output.
    Ends(i64, &'static str),
    /// Its program keeps running.
    Runs,
    /// Admission rejects it (Pod Security).
    NotAdmitted,
    /// Its program succeeds, but the pod can't be deleted (a finalizer).
    Stays,
}

impl PodOutcome {
    /// Returns the answer if the pod is not created.
    pub(super) fn refused(&self, name: &str) -> Option<Answer> {
        (*self == Self::NotAdmitted).then(|| {
            let message = format!(
                "pods \"{name}\" is forbidden: violates PodSecurity \"restricted:latest\": \
                 allowPrivilegeEscalation != false (container \"probe\" must set \
                 securityContext.allowPrivilegeEscalation=false)"
            );
            status(StatusCode::FORBIDDEN, "Forbidden", &message)
        })
    }

    /// Sets the final status of a pod.
    pub(super) fn settle(&self, pod: &mut Value) {
        let name = pod["spec"]["containers"][0]["name"].clone();
        let waiting = |reason: &str, message: &str| {
            json!([{"name": name, "ready": false, "restartCount": 0,
                    "state": {"waiting": {"reason": reason, "message": message}}}])
        };
        let phase = match self {
            Self::Ignored | Self::NotAdmitted => "Pending",
            Self::Unschedulable => {
                pod["status"]["conditions"] = json!([
                    {"type": "Ready", "status": "False", "message": "not this one"},
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                     "message": "0/1 nodes are available: 1 node(s) were unschedulable."},
                ]);
                "Pending"
            }
            Self::NoImage => {
                pod["spec"]["nodeName"] = "node-1".into();
                let why = "Back-off pulling image \"x\"";
                pod["status"]["containerStatuses"] = waiting("ImagePullBackOff", why);
                "Pending"
            }
            Self::NotStarted => {
                pod["spec"]["nodeName"] = "node-1".into();
                let why = "container has runAsNonRoot and image will run as root";
                pod["status"]["containerStatuses"] = waiting("CreateContainerConfigError", why);
                "Pending"
            }
            Self::Runs => {
                pod["spec"]["nodeName"] = "node-1".into();
                pod["status"]["containerStatuses"] =
                    json!([{"name": name, "state": {"running": {}}}]);
                "Running"
            }
            Self::Stays => return Self::Ends(0, "").settle(pod),
            Self::Ends(code, output) => {
                pod["spec"]["nodeName"] = "node-1".into();
                let reason = if *code == 0 { "Completed" } else { "Error" };
                let ended = json!({"exitCode": code, "reason": reason, "message": output});
                pod["status"]["containerStatuses"] =
                    json!([{"name": name, "state": {"terminated": ended}}]);
                if *code == 0 { "Succeeded" } else { "Failed" }
            }
        };
        pod["status"]["phase"] = phase.into();
    }
}
