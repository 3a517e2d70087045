//! The pod that is made.

use serde_json::{Value, json};

use super::EgressProbe;

/// Marks a pod that was made to probe.
pub(super) const MARK: (&str, &str) = ("omega/probe", "egress");
/// The container's name.
pub(super) const CONTAINER: &str = "probe";

/// Returns the pod. It fits in a namespace that enforces the restricted Pod Security Standard, has
/// no token, ends by itself, and is never started twice.
pub(super) fn pod(probe: &EgressProbe) -> Value {
    let EgressProbe { namespace, image, tool, host, port, id, within } = probe;
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("omega-egress-{id}"),
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
            "tolerations": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists" }],
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
