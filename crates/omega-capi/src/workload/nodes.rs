use jiff::{SignedDuration, Timestamp};
use omega_core::{Evidence, Failure, Verdict};
use serde::{Deserialize, Serialize};

use super::{
    Condition, Impairment, Node, NodesWanted, Question, Wanted, WorkloadFacts,
    judge::{fail, listed},
    pods::{Age, first_few, is_young, one_line, span},
};

/// Nodes that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Nodes of the control plane, and maybe workers.
    ControlPlane,
    /// Only workers.
    Workers,
}

/// Returns which nodes are absent, if nothing else is wrong with the nodes. The fault is then not on
/// the nodes: Cluster API did not create them.
pub fn only_absent(facts: &WorkloadFacts, wanted: &Wanted) -> Option<Absent> {
    let nodes = facts.nodes.as_ref().ok()?;
    let of = |control_plane| nodes.iter().filter(move |n| n.control_plane == control_plane);
    let groups = [(true, &wanted.control_plane), (false, &wanted.workers)];
    let unhealthy = groups.iter().any(|(control_plane, wanted)| {
        let ours: Vec<&Node> = of(*control_plane).collect();
        let ill = |node: &&Node| not_ready(node).is_some() || !node.impaired.is_empty();
        other_version(&ours, wanted).is_some() || ours.iter().any(ill)
    });
    let absent =
        |(control_plane, wanted): (bool, &NodesWanted)| of(control_plane).count() < wanted.count;
    let [control_plane, workers] = groups.map(absent);
    match (unhealthy, control_plane, workers) {
        (false, true, _) => Some(Absent::ControlPlane),
        (false, false, true) => Some(Absent::Workers),
        (true, ..) | (false, false, false) => None,
    }
}

/// Whether it is new and has not been Ready yet. Its Ready is `Unknown` if a kubelet that had told stops.
fn starts(node: &Node, wanted: &Wanted, now: Timestamp) -> bool {
    let is_first = |ready: &Condition| {
        let since_created = ready.since.zip(node.created);
        let first = since_created.is_none_or(|(since, created)| {
            since.duration_since(created) <= SignedDuration::from_mins(1)
        });
        ready.status == "False" && first
    };
    is_young(node.created, wanted.patience, now) && node.ready.as_ref().is_none_or(is_first)
}

/// Nodes of a group that is changing may be too few or of another version for a while; one that is not
/// Ready is excused only while it is new and starts.
pub(super) fn judge(
    facts: &WorkloadFacts,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let nodes = listed(&facts.nodes, "nodes")?;
    let (recent, impaired) = impaired(nodes, wanted, now);
    let unready = nodes.iter().filter_map(|node| Some((node, not_ready(node)?)));
    let starts = |(node, _): &(&Node, String)| starts(node, wanted, now);
    let (new, unready): (Vec<_>, Vec<_>) = unready.partition(starts);
    let mut why = Vec::new();
    if !unready.is_empty() {
        let named = unready.iter().map(|(node, what)| format!("{}: {what}", node.name));
        let named = first_few(&named.collect::<Vec<_>>());
        why.push(format!("{} of {} nodes not Ready: {named}", unready.len(), nodes.len()));
    }
    let groups =
        [("control plane", &wanted.control_plane, true), ("workers", &wanted.workers, false)];
    let what = match (recent.is_empty(), new.is_empty()) {
        (false, _) => "the nodes recover",
        (true, false) => "the new nodes are Ready",
        (true, true) => "a rollout or a resize ends",
    };
    let new = new.into_iter().map(|(node, why)| format!("{}: {why}", node.name));
    let mut more: Vec<String> = recent.into_iter().chain(new).collect();
    for (group, of_group, control_plane) in groups {
        let ours: Vec<&Node> = nodes.iter().filter(|n| n.control_plane == control_plane).collect();
        let mut lacks = Vec::new();
        if ours.len() < of_group.count {
            lacks.push(format!("{group}: {} of {} nodes exist", ours.len(), of_group.count));
        } else if ours.len() > of_group.count {
            more.push(format!("{group}: {} nodes, {} wanted", ours.len(), of_group.count));
        }
        lacks.extend(other_version(&ours, of_group));
        let patient = is_changing(of_group, wanted, now);
        if patient { &mut more } else { &mut why }.extend(lacks);
    }
    why.extend(impaired);
    if nodes.is_empty() && why.is_empty() {
        why.push("there are no nodes".to_owned());
    }
    if !why.is_empty() {
        return Ok(fail(
            Question::Nodes,
            why.join("; "),
            Some(next(&unready, nodes.iter().find(|node| !node.impaired.is_empty()))),
        ));
    }
    if !more.is_empty() {
        let until = format!("{what} ({})", more.join("; "));
        return Ok(Verdict::deferred(until));
    }
    Ok(Verdict::shown(evidence(nodes, wanted)))
}

/// Whether the group has been changing for less than a rollout may take.
fn is_changing(group: &NodesWanted, wanted: &Wanted, now: Timestamp) -> bool {
    group.changing.is_some_and(|changing| match Age::of(changing.since, now) {
        Age::Past(length) => length < wanted.rollout,
        Age::Future(_) | Age::Unknown => true,
    })
}

/// The nodes that are Ready and take no pods: those for a short time, and the others.
fn impaired(nodes: &[Node], wanted: &Wanted, now: Timestamp) -> (Vec<String>, Vec<String>) {
    let ready = nodes.iter().filter(|node| not_ready(node).is_none());
    let all = ready.flat_map(|node| node.impaired.iter().map(move |one| (node, one)));
    let (mut recent, mut over) = (Vec::new(), Vec::new());
    for (node, Impairment { kind, reason, message, since }) in all {
        let why = [reason.as_str(), &one_line(message)].join(" ");
        let what = format!("{} takes no pods: {kind} ({})", node.name, why.trim());
        match Age::of(*since, now) {
            Age::Past(length) if length < wanted.patience => recent.push(what),
            Age::Past(length) => over.push(format!("{what} for {}", span(length))),
            Age::Future(_) | Age::Unknown => over.push(what),
        }
    }
    (recent, over)
}

fn not_ready(node: &Node) -> Option<String> {
    let Some(ready) = &node.ready else {
        return Some("no kubelet has reported".to_owned());
    };
    if ready.status == "True" {
        return None;
    }
    let message = one_line(&ready.message);
    Some(format!("Ready is {}, {}: {message}", ready.status, ready.reason))
}

fn other_version(nodes: &[&Node], wanted: &NodesWanted) -> Option<String> {
    if wanted.versions.is_empty() {
        return None;
    }
    let bare = |version: &str| version.strip_prefix('v').unwrap_or(version).to_owned();
    let versions: Vec<String> = wanted.versions.iter().map(|version| bare(version)).collect();
    let others = nodes.iter().filter_map(|node| {
        let version = node.version.as_deref()?;
        let other = !versions.contains(&bare(version));
        other.then(|| format!("{} runs {version}", node.name))
    });
    let others: Vec<String> = others.collect();
    let list = wanted.versions.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
    (!others.is_empty()).then(|| format!("{}, wanted {list}", first_few(&others)))
}

/// Returns the remedy for the first node that is not Ready.
fn next(unready: &[(&Node, String)], impaired: Option<&Node>) -> String {
    if let (None, Some(node)) = (unready.first(), impaired) {
        let name = &node.name;
        return if node.impaired.iter().any(|one| one.kind == "NetworkUnavailable") {
            format!(
                "fix the network plugin on {name}: kubectl describe node {name}, on the workload cluster"
            )
        } else {
            format!(
                "free what runs out on {name}: kubectl describe node {name}, on the workload cluster"
            )
        };
    }
    let Some((node, what)) = unready.first() else {
        return "check the Machines: kubectl get machines --all-namespaces, on the management cluster"
            .to_owned();
    };
    let name = &node.name;
    if what.contains("NetworkPluginNotReady") || what.contains("cni plugin") {
        return "fix the network plugin first".to_owned();
    }
    match node.ready.as_ref().map(|ready| ready.status.as_str()) {
        Some("Unknown") => format!(
            "its kubelet does not report; check that its machine runs: openstack server show {name}; \
             openstack console log show {name}"
        ),
        _ => format!("kubectl describe node {name}, on the workload cluster"),
    }
}

fn evidence(nodes: &[Node], wanted: &Wanted) -> impl Iterator<Item = Evidence> {
    let mut versions: Vec<&str> = nodes.iter().filter_map(|n| n.version.as_deref()).collect();
    versions.sort_unstable();
    versions.dedup();
    let cordoned: Vec<&str> =
        nodes.iter().filter(|node| node.cordoned).map(|node| node.name.as_str()).collect();
    let cordoned = (!cordoned.is_empty()).then(|| Evidence::list("cordoned", cordoned));
    let all = wanted.control_plane.count + wanted.workers.count;
    let counts =
        [Evidence::count("nodes wanted", all), Evidence::count("nodes Ready", nodes.len())];
    counts.into_iter().chain([Evidence::list("version", versions)]).chain(cordoned)
}
