use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tool::Tool;
use crate::Namespace;

/// The label of probe pods.
pub(super) const MARK: (&str, &str) = ("omega/probe", "egress");
pub(super) const CONTAINER: &str = "probe";

/// A TCP connection to test from a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct EgressProbe {
    pub namespace: Namespace,
    pub image: String,
    pub tool: Tool,
    pub host: String,
    pub port: u16,
    /// A suffix (a-z, 0-9) that makes the pod's name unique.
    pub id: String,
    /// How long the pod may take, including its start.
    pub within: Duration,
}

impl EgressProbe {
    /// Returns the name of the pod.
    pub fn pod_name(&self) -> String {
        format!("omega-egress-{}", self.id)
    }

    /// Returns the pod to create. It meets the restricted Pod Security Standard, has no token, ends by
    /// itself and never restarts.
    pub fn pod(&self) -> Value {
        let Self { namespace, image, tool, host, port, id: _, within } = self;
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.pod_name(),
                "namespace": namespace.as_str(),
                "labels": { MARK.0: MARK.1 },
            },
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": within.as_secs().max(1),
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                // Control plane nodes may be the only ones.
                "tolerations": [{
                    "key": "node-role.kubernetes.io/control-plane", "operator": "Exists",
                }],
                "containers": [{
                    "name": CONTAINER,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": tool.command(host, *port),
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "resources": {
                        "requests": { "cpu": "10m", "memory": "16Mi" },
                        "limits": { "memory": "64Mi" },
                    },
                }],
            },
        })
    }
}
