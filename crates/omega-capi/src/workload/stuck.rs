//! Whether anything is stuck: pods, nodes that wait for the cloud controller manager, volumes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Claim, Node, Pod, Question, StorageClass, Taint, Wanted, WorkloadFacts,
    judge::{fail, listed},
    pods::{Age, first_few, is_gated, is_leaving, problem, span},
};

/// Taints that keep pods away until somebody removes them, who that is, and what helps
/// (`k8s.io/cloud-provider/api/well_known_taints.go`; Cluster API 1.13.2,
/// `api/core/v1beta2/common_types.go`; cilium, `pkg/defaults/node.go`).
const AWAITED: [(&str, &str, &str); 5] = [
    (
        "node.cloudprovider.kubernetes.io/uninitialized",
        "the cloud controller manager",
        "fix the cloud controller manager; it removes the node's taint uninitialized",
    ),
    (
        "node.cluster.x-k8s.io/uninitialized",
        "Cluster API",
        "on the management cluster, look at the node's Machine and at Cluster API's core: it removes the \
         node's taint uninitialized once it has set the labels",
    ),
    (
        "node.cilium.io/agent-not-ready",
        "cilium",
        "fix cilium on the node; it removes the taint agent-not-ready",
    ),
    (
        "node.kubernetes.io/out-of-service",
        "whoever put the taint out-of-service on it",
        "somebody put it on a node that was off: remove it once the node is well again (kubectl taint \
         nodes NODE node.kubernetes.io/out-of-service-, on the workload cluster)",
    ),
    (
        "node.cloudprovider.kubernetes.io/shutdown",
        "the cloud controller manager, which sees the server off",
        "start the server, or look at the cloud controller manager's log",
    ),
];

/// Something that is not done yet.
struct Unfinished {
    what: String,
    since: Option<Timestamp>,
    next: String,
}

pub(super) fn judge(
    facts: &WorkloadFacts,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let nodes = listed(&facts.nodes, "nodes")?;
    let pods = listed(&facts.pods, "pods")?;
    let claims = listed(&facts.claims, "persistent volume claims")?;
    let classes = listed(&facts.storage_classes, "storage classes")?;
    let unfinished = nodes
        .iter()
        .flat_map(|node| awaited(node, pods))
        .chain(pods.iter().filter(|one| !is_leaving(one, now)).filter_map(pod))
        .chain(facts.failed_pods.iter().filter_map(failed))
        .chain(claims.iter().filter_map(|one| claim(one, classes, pods)));
    let (mut stuck, mut recent, mut ahead, mut next) = (vec![], vec![], vec![], None);
    for Unfinished { what, since, next: remedy } in unfinished {
        match Age::of(since, now) {
            Age::Past(length) if length < wanted.patience => {
                recent.push(format!("{what} (for {})", span(length)));
            }
            Age::Past(length) => {
                stuck.push(format!("{what} (for {})", span(length)));
                next = next.or(Some(remedy));
            }
            Age::Unknown => {
                stuck.push(what);
                next = next.or(Some(remedy));
            }
            Age::Future(length) => ahead.push(format!("{what} (in {})", span(length))),
        }
    }
    if !stuck.is_empty() {
        let why = format!("{} stuck: {}", stuck.len(), first_few(&stuck));
        return Ok(fail(Question::Stuck, why, next));
    }
    if !ahead.is_empty() {
        let ahead = first_few(&ahead);
        let until = format!("the clocks agree: for this machine these are in the future: {ahead}");
        return Ok(Verdict::deferred(until));
    }
    if !recent.is_empty() {
        let patience = span(wanted.patience);
        let until = format!("they have had {patience}: {}", first_few(&recent));
        return Ok(Verdict::deferred(until));
    }
    let held: Vec<&Pod> = pods.iter().filter(|pod| is_gated(pod)).collect();
    let count = (!held.is_empty())
        .then(|| Evidence::count("pods that a scheduling gate holds", held.len()));
    let gates: BTreeSet<&String> = held.iter().flat_map(|pod| &pod.gates).collect();
    let named = (!gates.is_empty()).then(|| Evidence::list("scheduling gates", gates));
    let replaced = facts.failed_pods.len();
    let replaced =
        (replaced > 0).then(|| Evidence::count("failed pods that are replaced", replaced));
    let bound = claims.iter().filter(|claim| claim.phase == "Bound").count();
    Ok(Verdict::shown(
        [
            Evidence::count("pods", pods.len()),
            Evidence::count("persistent volume claims", claims.len()),
            Evidence::count("bound", bound),
        ]
        .into_iter()
        .chain(count)
        .chain(named)
        .chain(replaced),
    ))
}

/// Who makes another pod in the place of one that failed. A Job keeps the failed ones as a record, also after a
/// later one has succeeded; the others leave one that was evicted. What is missing then is seen of the pod
/// that takes its place.
const REPLACING: [&str; 5] =
    ["Job", "ReplicaSet", "DaemonSet", "StatefulSet", "ReplicationController"];

/// A pod that failed and that nobody replaces. It does not become better.
fn failed(pod: &Pod) -> Option<Unfinished> {
    let Pod { namespace, name, controller, reason, containers, .. } = pod;
    if REPLACING.contains(&controller.as_str()) {
        return None;
    }
    let ended = containers.iter().filter_map(|one| one.last.as_ref()).find(|last| last.code != 0);
    let ended = ended.map(|last| format!(", exit code {} ({})", last.code, last.reason));
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Some(Unfinished {
        what: format!(
            "pod {namespace}/{name} has failed{reason}{}, and nothing replaces it",
            ended.unwrap_or_default()
        ),
        since: None,
        next: format!(
            "kubectl -n {namespace} describe pod {name}, on the workload cluster; delete it once its cause is known"
        ),
    })
}

fn awaited(node: &Node, pods: &[Pod]) -> impl Iterator<Item = Unfinished> {
    node.taints.iter().filter_map(move |taint| {
        let Taint { key, since } = taint;
        let known = AWAITED.iter().find(|(known, ..)| known == key);
        let (who, next) = match known {
            Some((_, who, next)) => ((*who).to_owned(), (*next).to_owned()),
            None if is_plugins(key) => (
                format!("whoever removes the taint {key}"),
                format!("fix the network plugin on the node; it removes the taint {key}"),
            ),
            None => return None,
        };
        // Few taints tell their age: nobody can have removed it before the node was there and Ready, and
        // before the plugin's own pod began.
        let ready = node.ready.as_ref().filter(|ready| ready.status == "True");
        let pod = || pods.iter().filter(|pod| pod.node == node.name && is_of_plugin(pod, key));
        let pod = (!node.name.is_empty()).then(|| pod().filter_map(|pod| pod.created).max());
        let since = [*since, node.created, ready.and_then(|ready| ready.since), pod.flatten()];
        Some(Unfinished {
            what: format!("node {} waits for {who}", node.name),
            since: since.into_iter().flatten().max(),
            next,
        })
    })
}

/// Whether it is the taint of a network plugin that is not ready on the node: `cni.istio.io/not-ready`,
/// `example.org/agent-not-ready`. That of Kubernetes itself goes with the condition Ready.
fn is_plugins(taint: &str) -> bool {
    taint.split_once('/').is_some_and(|(domain, name)| {
        domain != "node.kubernetes.io" && ["not-ready", "agent-not-ready"].contains(&name)
    })
}

/// Whether a label of the pod names who owns the taint: `k8s-app: cilium` and `node.cilium.io/...`.
fn is_of_plugin(pod: &Pod, taint: &str) -> bool {
    let (domain, _) = taint.split_once('/').unwrap_or_default();
    let mut named =
        domain.split('.').filter(|part| !["node", "cni", "io", "org", "com"].contains(part));
    named.any(|part| pod.labels.values().any(|value| value == part))
}

fn pod(pod: &Pod) -> Option<Unfinished> {
    let Pod { namespace, name, created, deleted, .. } = pod;
    let what = problem(pod)?;
    Some(Unfinished {
        what: format!("pod {namespace}/{name}: {what}"),
        since: deleted.or(*created),
        next: format!("kubectl -n {namespace} describe pod {name}, on the workload cluster"),
    })
}

fn claim(claim: &Claim, classes: &[StorageClass], pods: &[Pod]) -> Option<Unfinished> {
    let Claim { namespace, name, phase, class, created } = claim;
    if phase == "Bound" {
        return None;
    }
    let class = class.as_deref().unwrap_or_default();
    let waits = classes.iter().any(|one| one.name == class && one.waits);
    // The scheduler, who lets the volume be created, does not look at a pod that a gate holds.
    let mounts =
        |pod: &Pod| pod.namespace == *namespace && pod.claims.contains(name) && !is_gated(pod);
    if phase == "Pending" && waits && !pods.iter().any(mounts) {
        return None; // the volume is created for the first pod that mounts it
    }
    let phase = if phase.is_empty() { "without status" } else { phase };
    Some(Unfinished {
        what: format!("claim {namespace}/{name} of class {class:?} is {phase}"),
        since: *created,
        next: format!("kubectl -n {namespace} describe pvc {name}, on the workload cluster"),
    })
}
