//! Whether everything gets on: pods, nodes that wait for the cloud, volumes.

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Claim, Node, Pod, Question, StorageClass, Wanted, WorkloadFacts,
    judge::{fail, had},
    trouble::{Age, some, span, trouble},
};

/// The cloud controller manager takes it away (`k8s.io/cloud-provider/api/well_known_taints.go`).
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

/// One thing that does not get on.
struct Slow {
    what: String,
    since: Option<Timestamp>,
    next: String,
}

pub(super) fn judge(
    facts: &WorkloadFacts,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let nodes = had(&facts.nodes, "nodes")?;
    let pods = had(&facts.pods, "pods")?;
    let claims = had(&facts.claims, "claims on volumes")?;
    let classes = had(&facts.storage_classes, "storage classes")?;
    let slow: Vec<Slow> = nodes
        .iter()
        .filter_map(uninitialized)
        .chain(pods.iter().filter_map(pod))
        .chain(claims.iter().filter_map(|one| claim(one, classes, pods)))
        .collect();
    let (mut stuck, mut young, mut ahead, mut next) = (vec![], vec![], vec![], None);
    for Slow { what, since, next: fixes } in slow {
        match Age::of(since, now) {
            Age::Past(length) if length < wanted.patience => {
                young.push(format!("{what} (since {})", span(length)));
            }
            Age::Past(length) => {
                stuck.push(format!("{what} (since {})", span(length)));
                next = next.or(Some(fixes));
            }
            // An age that nobody knows is no reason to be patient.
            Age::Unknown => {
                stuck.push(what);
                next = next.or(Some(fixes));
            }
            Age::Future(length) => ahead.push(format!("{what} (in {})", span(length))),
        }
    }
    let patience = span(wanted.patience);
    if !stuck.is_empty() {
        let why = format!("{} stuck: {}", stuck.len(), some(&stuck));
        return Ok(fail(Question::Stuck, why, next));
    }
    if !ahead.is_empty() {
        let until = format!(
            "the clocks agree: by this machine's, it is still to come that {}",
            some(&ahead)
        );
        return Ok(Verdict::deferred(until));
    }
    if !young.is_empty() {
        let until = format!("it has had {patience}: {}", some(&young));
        return Ok(Verdict::deferred(until));
    }
    let bound = claims.iter().filter(|claim| claim.phase == "Bound").count();
    Ok(Verdict::shown([
        Evidence::count("pods", pods.len()),
        Evidence::count("claims on volumes", claims.len()),
        Evidence::count("claims that are bound", bound),
    ]))
}

fn uninitialized(node: &Node) -> Option<Slow> {
    node.taints.iter().any(|taint| taint == UNINITIALIZED).then(|| Slow {
        what: format!("node {} waits for the cloud controller manager", node.name),
        since: node.created,
        next: "fix the cloud controller manager; it takes the node's taint uninitialized away"
            .to_owned(),
    })
}

fn pod(pod: &Pod) -> Option<Slow> {
    let Pod { namespace, name, created, deleted, .. } = pod;
    let what = trouble(pod)?;
    Some(Slow {
        what: format!("pod {namespace}/{name}: {what}"),
        since: deleted.or(*created),
        next: format!("kubectl -n {namespace} describe pod {name}, on the workload cluster"),
    })
}

/// A volume that is only made once a pod mounts it may wait for ever for that.
fn claim(claim: &Claim, classes: &[StorageClass], pods: &[Pod]) -> Option<Slow> {
    let Claim { namespace, name, phase, class, created } = claim;
    if phase == "Bound" {
        return None;
    }
    let class = class.as_deref().unwrap_or_default();
    let waits = classes.iter().any(|one| one.name == class && one.waits);
    let mounts = |pod: &&Pod| pod.namespace == *namespace && pod.claims.contains(name);
    let wanted = pods.iter().any(|pod| mounts(&pod));
    if phase == "Pending" && waits && !wanted {
        return None;
    }
    let phase = if phase.is_empty() { "without status" } else { phase };
    Some(Slow {
        what: format!("claim {namespace}/{name} of class {class:?} is {phase}"),
        since: *created,
        next: format!("kubectl -n {namespace} describe pvc {name}, on the workload cluster"),
    })
}
