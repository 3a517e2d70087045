//! What is probed, and the pod that does it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tool::Tool;
use crate::Namespace;

/// Marks a pod that was made to probe.
pub(super) const MARK: (&str, &str) = ("omega/probe", "egress");
/// The container's name.
pub(super) const CONTAINER: &str = "probe";

/// What is probed, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressProbe {
    /// Where the pod is made.
    pub namespace: Namespace,
    /// Its image.
    pub image: String,
    /// The program in the image.
    pub tool: Tool,
    /// A name or an address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// What tells this pod's name from other probes': a-z, 0-9.
    pub id: String,
    /// How long the pod may take, its start included.
    pub within: Duration,
}

impl EgressProbe {
    /// Returns the name of the pod.
    pub fn pod_name(&self) -> String {
        format!("omega-egress-{}", self.id)
    }

    /// Returns the pod that is made, as it is sent. It fits in a namespace that enforces the
    /// restricted Pod Security Standard, has no token, ends by itself, and is never started twice.
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
                // The only node may be one of the control plane.
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
