//! Parses objects. A field that is missing or has an unexpected type is ignored, so that one odd object
//! does not hide the others.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Claim, Condition, Container, Ended, Impairment, Node, Pod, PodController, PodControllerKind,
    StorageClass, Taint, Waiting,
};

/// The conditions of a node that keep pods away while they are True (`node.kubernetes.io/*`, `NoSchedule`).
const IMPAIRING: [&str; 4] =
    ["NetworkUnavailable", "DiskPressure", "MemoryPressure", "PIDPressure"];
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn word(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn count(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.pointer(pointer)?.as_str()?.parse().ok()
}

fn labels(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let fields = value.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn condition(value: &Value, kind: &str) -> Option<Condition> {
    let found = list(value, "/status/conditions").find(|c| word(c, "/type") == kind)?;
    let [status, reason, message] = ["/status", "/reason", "/message"].map(|key| word(found, key));
    let since = time(found, "/lastTransitionTime");
    Some(Condition { status, reason, message, since })
}

fn impairments(value: &Value) -> impl Iterator<Item = Impairment> {
    let is =
        |c: &&Value| word(c, "/status") == "True" && IMPAIRING.contains(&word(c, "/type").as_str());
    list(value, "/status/conditions").filter(is).map(|c| Impairment {
        kind: word(c, "/type"),
        reason: word(c, "/reason"),
        message: word(c, "/message"),
        since: time(c, "/lastTransitionTime"),
    })
}

pub(super) fn node(value: &Value) -> Node {
    Node {
        name: word(value, "/metadata/name"),
        version: text(value, "/status/nodeInfo/kubeletVersion").filter(|v| !v.is_empty()),
        control_plane: value
            .pointer("/metadata/labels")
            .is_some_and(|labels| labels.get(CONTROL_PLANE).is_some()),
        ready: condition(value, "Ready"),
        impaired: impairments(value).collect(),
        taints: list(value, "/spec/taints").filter_map(taint).collect(),
        cordoned: value.pointer("/spec/unschedulable") == Some(&Value::Bool(true)),
        created: time(value, "/metadata/creationTimestamp"),
    }
}

fn taint(value: &Value) -> Option<Taint> {
    Some(Taint { key: text(value, "/key")?, since: time(value, "/timeAdded") })
}

/// The grace period of a delete, or else that of the pod, by default 30 s (`core/v1`, `PodSpec`).
fn grace(value: &Value) -> Duration {
    let places = ["/metadata/deletionGracePeriodSeconds", "/spec/terminationGracePeriodSeconds"];
    let mut seconds = places.iter().filter_map(|at| value.pointer(at)?.as_u64());
    Duration::from_secs(seconds.next().unwrap_or(30))
}

pub(super) fn pod(value: &Value) -> Pod {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let claim = |volume: &Value| text(volume, "/persistentVolumeClaim/claimName");
    Pod {
        namespace: word(value, "/metadata/namespace"),
        name: word(value, "/metadata/name"),
        labels: labels(value, "/metadata/labels"),
        phase: word(value, "/status/phase"),
        containers: statuses.iter().flat_map(|at| list(value, at)).map(container).collect(),
        unscheduled: condition(value, "PodScheduled").filter(|c| c.status != "True"),
        claims: list(value, "/spec/volumes").filter_map(claim).collect(),
        gates: list(value, "/spec/schedulingGates").filter_map(|one| text(one, "/name")).collect(),
        node: word(value, "/spec/nodeName"),
        created: time(value, "/metadata/creationTimestamp"),
        deleted: time(value, "/metadata/deletionTimestamp"),
        grace: grace(value),
        controller: list(value, "/metadata/ownerReferences")
            .find(|one| one.pointer("/controller") == Some(&Value::Bool(true)))
            .map(|one| word(one, "/kind"))
            .unwrap_or_default(),
        reason: word(value, "/status/reason"),
    }
}

fn container(value: &Value) -> Container {
    let waiting = value.pointer("/state/waiting").filter(|waiting| waiting.is_object());
    let last = ["/lastState/terminated", "/state/terminated"];
    let last = last.iter().filter_map(|at| value.pointer(at)).find(|ended| ended.is_object());
    Container {
        name: word(value, "/name"),
        ready: value.pointer("/ready") == Some(&Value::Bool(true)),
        restarts: count(value, "/restartCount"),
        waiting: waiting
            .map(|w| Waiting { reason: word(w, "/reason"), message: word(w, "/message") }),
        last: last.map(|ended| Ended {
            code: count(ended, "/exitCode"),
            reason: word(ended, "/reason"),
            at: time(ended, "/finishedAt"),
        }),
    }
}

pub(super) fn daemon_set(value: &Value) -> PodController {
    let wanted = count(value, "/status/desiredNumberScheduled");
    controller(value, PodControllerKind::DaemonSet, wanted, "numberReady")
}

pub(super) fn deployment(value: &Value) -> PodController {
    // The API server's default is 1.
    let wanted = value.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    controller(value, PodControllerKind::Deployment, wanted, "readyReplicas")
}

fn controller(value: &Value, kind: PodControllerKind, wanted: i64, ready: &str) -> PodController {
    let containers = list(value, "/spec/template/spec/containers");
    PodController {
        kind,
        namespace: word(value, "/metadata/namespace"),
        name: word(value, "/metadata/name"),
        images: containers.filter_map(|container| text(container, "/image")).collect(),
        labels: labels(value, "/metadata/labels"),
        owners: list(value, "/metadata/ownerReferences").filter_map(|o| text(o, "/kind")).collect(),
        selector: labels(value, "/spec/selector/matchLabels"),
        wanted,
        ready: count(value, &format!("/status/{ready}")),
        observed: count(value, "/status/observedGeneration")
            >= count(value, "/metadata/generation"),
    }
}

pub(super) fn storage_class(value: &Value) -> StorageClass {
    let annotations = labels(value, "/metadata/annotations");
    let is = |key: &&str| annotations.get(*key).is_some_and(|value| value == "true");
    StorageClass {
        name: word(value, "/metadata/name"),
        provisioner: word(value, "/provisioner"),
        default: DEFAULT_CLASS.iter().any(is),
        waits: word(value, "/volumeBindingMode") == "WaitForFirstConsumer",
    }
}

pub(super) fn claim(value: &Value) -> Claim {
    Claim {
        namespace: word(value, "/metadata/namespace"),
        name: word(value, "/metadata/name"),
        phase: word(value, "/status/phase"),
        class: text(value, "/spec/storageClassName").filter(|class| !class.is_empty()),
        created: time(value, "/metadata/creationTimestamp"),
    }
}
