//! Whether anything is stuck: pods, nodes that wait for the cloud controller manager, volumes.

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Claim, Node, Pod, Question, StorageClass, Wanted, WorkloadFacts,
    judge::{fail, listed},
    pods::{Age, first_few, is_gated, problem, span},
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
         nodes NODE node.kubernetes.io/out-of-service-)",
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
        .flat_map(uninitialized)
        .chain(pods.iter().filter_map(pod))
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
    let gated = pods.iter().filter(|pod| is_gated(pod)).count();
    let gated = (gated > 0).then(|| Evidence::count("pods that a scheduling gate holds", gated));
    let bound = claims.iter().filter(|claim| claim.phase == "Bound").count();
    Ok(Verdict::shown(
        [
            Evidence::count("pods", pods.len()),
            Evidence::count("persistent volume claims", claims.len()),
            Evidence::count("bound", bound),
        ]
        .into_iter()
        .chain(gated),
    ))
}

fn uninitialized(node: &Node) -> impl Iterator<Item = Unfinished> {
    let has = |taint: &str| node.taints.iter().any(|one| one == taint);
    AWAITED.into_iter().filter(move |(taint, ..)| has(taint)).map(|(_, who, next)| Unfinished {
        what: format!("node {} waits for {who}", node.name),
        since: node.created,
        next: next.to_owned(),
    })
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
    let mounts = |pod: &Pod| pod.namespace == *namespace && pod.claims.contains(name);
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
