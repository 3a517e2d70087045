//! The addons of the chart: network plugin, cloud controller manager, Cinder CSI, DNS.
//!
//! Each is recognized by its containers' images, so mirrors and release names don't matter; or, where a
//! mirror renames the image, by its name and labels. Everything that matches counts, not the first.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Pod, PodController, Question, Wanted, WorkloadFacts,
    judge::{self, listed},
    pods::{Age, belongs, first_few, is_moving, is_young, kind, shortfall, span},
};
use crate::controllers::split_image;

/// What runs on each node for a network plugin: an image, or, if that is mirrored under another name, the
/// name of the daemon set, the value of a label of it or of its pods, or the kind of its owner.
struct Plugin {
    name: &'static str,
    images: &'static [&'static str],
    names: &'static [&'static str],
}

/// The two of the charts.
const PLUGINS: [Plugin; 2] = [
    // The operator (Installation) sets imagePath and imagePrefix.
    Plugin { name: "calico", images: &["calico/node"], names: &["calico-node"] },
    Plugin { name: "cilium", images: &["cilium/cilium"], names: &["cilium"] },
];
/// Parts of the images or the names of other network plugins.
const OTHERS: [&str; 12] = [
    "flannel",
    "weave-kube",
    "weave-net",
    "kube-router",
    "antrea",
    "kube-ovn",
    "ovs-ovn",
    "ovn-kubernetes",
    "ovnkube",
    "kindnet",
    "canal",
    "amazon-k8s-cni",
];
/// What evidence about a plugin is called, at least at its beginning.
const PLUGIN: &str = "network plugin";
const OPERATOR: &str = "tigera/operator";
const CLOUD_CONTROLLER: &str = "openstack-cloud-controller-manager";
const CINDER: &str = "cinder-csi-plugin";
/// The names in the chart `openstack-cinder-csi`, if the image is renamed.
const CINDER_NAMES: [&str; 2] =
    ["openstack-cinder-csi-controllerplugin", "openstack-cinder-csi-nodeplugin"];
const PROVISIONER: &str = "cinder.csi.openstack.org";
const COREDNS: &str = "coredns";
const SYSTEM: &str = "kube-system";
/// A container with this many restarts, the last of them recent, does not stay up.
const RESTARTS: i64 = 3;

const ADDON: &str = "check whether the addon's HelmRelease failed: kubectl get \
                     helmreleases.addons.stackhpc.com --all-namespaces, on the management cluster";

type Answer = Result<Verdict, Failure>;

/// Returns whether an image is `name`, from any registry and at any version.
fn is(image: &str, name: &str) -> bool {
    let (repository, _) = split_image(image);
    repository.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The labels that name an application.
const NAMING: [&str; 4] = ["k8s-app", "app", "app.kubernetes.io/name", "component"];

/// Whether it runs the image, or is called so.
fn matches(one: &PodController, image: &str, names: &[&str]) -> bool {
    let PodController { name, images, labels, selector, .. } = one;
    let labelled = |all: &BTreeMap<String, String>| {
        NAMING.iter().any(|key| all.get(*key).is_some_and(|is| names.contains(&is.as_str())))
    };
    images.iter().any(|one| is(one, image))
        || names.contains(&name.as_str())
        || labelled(labels)
        || labelled(selector)
}

fn with_image<'a>(all: &'a [PodController], image: &str) -> Vec<&'a PodController> {
    all.iter().filter(|one| matches(one, image, &[image])).collect()
}

/// A controller that lacks pods.
struct Short<'a> {
    controller: &'a PodController,
    why: String,
    /// Whether that should pass: its pods are new, or go.
    moves: bool,
}

/// What tells a fault from a start.
struct Ages {
    new_nodes: usize,
    patience: Duration,
    now: Timestamp,
}

impl Ages {
    fn of(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Self {
        let patience = wanted.patience;
        let nodes = facts.nodes.iter().flatten();
        let new_nodes = nodes.filter(|node| is_young(node.created, patience, now)).count();
        Self { new_nodes, patience, now }
    }

    /// Returns the first that lacks pods, and why: one for which it should not pass before the others.
    fn short<'a>(&self, all: &[&'a PodController], pods: &[Pod]) -> Option<Short<'a>> {
        let short = all.iter().filter_map(|one| {
            let why = shortfall(one, pods)?;
            let moves = is_moving(one, pods, self.new_nodes, self.patience, self.now);
            Some(Short { controller: one, why, moves })
        });
        short.min_by_key(|one| one.moves)
    }

    fn starting(&self, why: &str) -> Verdict {
        Verdict::deferred(format!("its pods have had {}: {why}", span(self.patience)))
    }

    /// The verdict that `found` lacks pods.
    fn lacking(&self, question: Question, about: &str, found: &Short<'_>) -> Verdict {
        let Short { controller, why, moves } = found;
        let why = format!("{about}{why}");
        if *moves { self.starting(&why) } else { fail(question, why, describe(controller)) }
    }
}

fn fail(question: Question, why: impl Into<String>, next: impl Into<String>) -> Verdict {
    judge::fail(question, why, Some(next))
}

fn describe(controller: &PodController) -> String {
    let PodController { namespace, name, .. } = controller;
    format!("kubectl -n {namespace} describe {} {name}, on the workload cluster", kind(controller))
}

/// Returns the evidence of a controller whose pods are ready.
fn ready(controller: &PodController) -> [Evidence; 3] {
    let PodController { namespace, name, wanted, ready, .. } = controller;
    [
        Evidence::text(kind(controller), format!("{namespace}/{name}")),
        count("pods wanted", *wanted),
        count("pods ready", *ready),
    ]
}

fn count(fact: &str, count: i64) -> Evidence {
    Evidence::count(fact, usize::try_from(count).unwrap_or_default())
}

pub(super) fn cni(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Answer {
    let ages = Ages::of(facts, wanted, now);
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let pods = listed(&facts.pods, "pods")?;
    // Only needed to explain why there is no plugin.
    let deployments = facts.deployments.as_deref().unwrap_or_default();
    let fail = |why: String, next: String| Ok(fail(Question::Cni, why, next));
    let ours = |plugin: &Plugin| -> Vec<&PodController> {
        let is = |set: &&PodController| {
            plugin.images.iter().any(|image| matches(set, image, plugin.names))
        };
        sets.iter().filter(is).collect()
    };
    let other = |set: &&PodController| {
        let words = set.images.iter().chain([&set.name]);
        OTHERS.iter().any(|other| words.clone().any(|word| word.contains(other)))
    };
    let of_charts = PLUGINS.iter().map(|plugin| (Some(plugin.name), ours(plugin)));
    let others = (None, sets.iter().filter(other).collect());
    // Every match counts: one that is half there takes pods from the other.
    let (mut shown, mut starting) = (Vec::new(), None);
    for (plugin, found) in of_charts.chain([others]).filter(|(_, found)| !found.is_empty()) {
        let about = plugin.map(|plugin| format!("{plugin}: ")).unwrap_or_default();
        if let Some(short) = ages.short(&found, pods) {
            let verdict = ages.lacking(Question::Cni, &about, &short);
            if !short.moves {
                return Ok(verdict);
            }
            starting = starting.or(Some(verdict));
        }
        shown.push(match plugin {
            Some(plugin) => Evidence::text(PLUGIN, plugin),
            None => Evidence::holds("network plugin not from the charts"),
        });
        shown.extend(found.into_iter().flat_map(ready));
    }
    let found = shown.iter().filter(|one| one.fact.starts_with(PLUGIN));
    if let Some(why) = another_plugin(found, wanted.network_driver.as_deref()) {
        let next = "find out who installed it (kubectl get daemonsets --all-namespaces, on the workload cluster), and create the \
                    cluster again from its template";
        return fail(why, next.to_owned());
    }
    if !shown.is_empty() {
        return Ok(starting.unwrap_or_else(|| Verdict::shown(shown)));
    }
    if let Some(operator) = with_image(deployments, OPERATOR).first() {
        let PodController { namespace, name, wanted, ready, .. } = operator;
        let why = shortfall(operator, pods).unwrap_or_else(|| {
            format!(
                "{namespace}/{name}: {ready} of {wanted} ready, but it has not created calico-node"
            )
        });
        let next =
            format!("kubectl -n {namespace} logs deployment/{name}, on the workload cluster");
        return fail(format!("calico is not installed yet: {why}"), next);
    }
    Ok(without_cni(wanted.network_driver.as_deref()))
}

/// Why what is found is not what the template asks for, if that is so. Only the plugins of the charts can be
/// asked for: for another value the chart installs its default (D-031).
fn another_plugin<'a>(
    mut found: impl Iterator<Item = &'a Evidence>,
    network_driver: Option<&str>,
) -> Option<String> {
    let wanted = network_driver.filter(|name| PLUGINS.iter().any(|one| one.name == *name))?;
    let wanted_is = Evidence::text(PLUGIN, wanted);
    let other = found.find(|one| **one != wanted_is)?;
    Some(format!("the template requests {wanted}, and there is another one: {other}"))
}

fn without_cni(network_driver: Option<&str>) -> Verdict {
    const NONE: &str = "there is no network plugin, neither calico nor cilium";
    let reason = match network_driver {
        Some("calico" | "cilium") => {
            let why = format!("{NONE}, although the template requests one");
            return fail(Question::Cni, why, ADDON);
        }
        Some(driver) => format!("the template's network_driver is {driver}"),
        None => "Magnum's default network_driver is flannel".to_owned(),
    };
    fail(
        Question::Cni,
        format!("{NONE}: {reason}, which the charts do not have (D-031)"),
        "create a template with --network-driver calico, and move the cluster to it: openstack coe \
         cluster upgrade CLUSTER TEMPLATE",
    )
}

pub(super) fn cloud_controller(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Answer {
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let deployments = listed(&facts.deployments, "deployments")?;
    let pods = listed(&facts.pods, "pods")?;
    let fail = |why: String, next: String| Ok(fail(Question::CloudController, why, next));
    let found: Vec<&PodController> =
        [sets, deployments].into_iter().flat_map(|all| with_image(all, CLOUD_CONTROLLER)).collect();
    if found.is_empty() {
        let why = "there is no openstack-cloud-controller-manager: nodes stay uninitialized, and \
                   services get no load balancer";
        return fail(why.to_owned(), ADDON.to_owned());
    }
    let is_ours = |pod: &&Pod| found.iter().any(|controller| belongs(pod, controller));
    let ours: Vec<&Pod> = pods.iter().filter(is_ours).collect();
    if let Some((why, next)) = ours.iter().find_map(|pod| crashing(pod, wanted, now)) {
        return fail(why, next);
    }
    let ages = Ages::of(facts, wanted, now);
    if let Some(short) = ages.short(&found, pods) {
        return Ok(ages.lacking(Question::CloudController, "", &short));
    }
    let restarts: i64 = ours.iter().flat_map(|pod| &pod.containers).map(|c| c.restarts).sum();
    let restarts = (restarts > 0).then(|| count("restarts", restarts));
    Ok(Verdict::shown(found.into_iter().flat_map(ready).chain(restarts)))
}

/// Returns that a pod does not stay up, and the command that shows why; its log was not read.
fn crashing(pod: &Pod, wanted: &Wanted, now: Timestamp) -> Option<(String, String)> {
    let Pod { namespace, name, containers, .. } = pod;
    let found = containers.iter().find_map(|container| {
        let backs_off = container.waiting.as_ref().is_some_and(|w| w.reason == "CrashLoopBackOff");
        let ended = container.last.as_ref().map(|last| Age::of(last.at, now));
        let recent = match ended {
            Some(Age::Past(length)) => length < wanted.patience,
            Some(Age::Future(_) | Age::Unknown) | None => false,
        };
        (backs_off || recent && container.restarts >= RESTARTS).then_some((container, ended))
    });
    let (container, ended) = found?;
    let reason = container.waiting.as_ref().map(|w| format!("{}, ", w.reason)).unwrap_or_default();
    let ended = match (&container.last, ended) {
        (Some(last), Some(Age::Past(length))) => {
            format!(", exit code {} ({}) {} ago", last.code, last.reason, span(length))
        }
        (Some(last), _) => format!(", exit code {} ({})", last.code, last.reason),
        (None, _) => String::new(),
    };
    let restarts = container.restarts;
    Some((
        format!("{namespace}/{name} does not stay up: {reason}{restarts} restarts{ended}"),
        format!(
            "find out why it ended (often a refused credential or no route to Keystone): kubectl \
             -n {namespace} logs {name} --previous, on the workload cluster"
        ),
    ))
}

pub(super) fn csi(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Answer {
    let ages = Ages::of(facts, wanted, now);
    let deployments = listed(&facts.deployments, "deployments")?;
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let classes = listed(&facts.storage_classes, "storage classes")?;
    let pods = listed(&facts.pods, "pods")?;
    let (mut why, mut next, mut evidence, mut starting) = (Vec::new(), None, Vec::new(), None);
    for (part, controllers) in [("controller", deployments), ("node plugin", sets)] {
        let found: Vec<&PodController> =
            controllers.iter().filter(|one| matches(one, CINDER, &CINDER_NAMES)).collect();
        if found.is_empty() {
            why.push(format!("there is no cinder CSI {part}"));
        }
        for controller in found {
            match ages.short(&[controller], pods) {
                Some(short) if short.moves => starting = starting.or(Some(short.why)),
                Some(short) => {
                    why.push(short.why);
                    next = next.or_else(|| Some(describe(controller)));
                }
                None => evidence.extend(ready(controller)),
            }
        }
    }
    let defaults: Vec<_> = classes.iter().filter(|class| class.default).collect();
    let names: Vec<&str> = defaults.iter().map(|class| class.name.as_str()).collect();
    if defaults.is_empty() {
        let all: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
        let all = if all.is_empty() { "none".to_owned() } else { first_few(&all) };
        why.push(format!("no storage class is the default (storage classes: {all})"));
    }
    if !why.is_empty() {
        let next = next.unwrap_or_else(|| ADDON.to_owned());
        return Ok(fail(Question::Csi, why.join("; "), next));
    }
    if let Some(why) = starting {
        return Ok(ages.starting(&why));
    }
    let cinder = defaults.iter().any(|class| class.provisioner == PROVISIONER);
    evidence.push(Evidence::list("default storage class", names));
    evidence.extend((!cinder).then(|| Evidence::holds("which is not Cinder's")));
    Ok(Verdict::shown(evidence))
}

/// The cluster's own DNS is in kube-system. Another coredns may serve something else.
pub(super) fn dns(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Answer {
    let deployments = listed(&facts.deployments, "deployments")?;
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let pods = listed(&facts.pods, "pods")?;
    let all = deployments.iter().chain(sets).filter(|one| one.namespace == SYSTEM);
    let found: Vec<&PodController> =
        all.filter(|one| matches(one, COREDNS, &[COREDNS, "kube-dns"])).collect();
    if found.is_empty() {
        let next =
            "kubeadm installs it: kubectl -n kube-system get deployments, on the workload cluster";
        return Ok(fail(Question::Dns, "there is no coredns in kube-system", next));
    }
    let ages = Ages::of(facts, wanted, now);
    Ok(match ages.short(&found, pods) {
        None => Verdict::shown(found.into_iter().flat_map(ready)),
        Some(short) => ages.lacking(Question::Dns, "", &short),
    })
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn an_image_is_known_through_a_mirror_and_not_by_a_similar_name() {
        for image in [
            "mirror.example/calico/node:v3.31.5",
            "mirror.example/azimuth/hub.example/calico/node:v3.31.5",
            "mirror:5000/calico/node",
            "calico/node@sha256:00",
            "calico/node:v1@sha256:00",
        ] {
            assert!(is(image, "calico/node"), "{image}");
        }
        for image in
            ["mirror.example/calico/node-driver:v1", "tocalico/node:v1", "calico/node/x", "node"]
        {
            assert!(!is(image, "calico/node"), "{image}");
        }
    }
}
