//! The addons of the chart: network plugin, cloud controller manager, Cinder CSI, DNS.
//!
//! Each is recognized by its containers' images, so mirrors and release names don't matter.

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Pod, PodController, Question, Wanted, WorkloadFacts,
    judge::{self, listed},
    pods::{Age, belongs, first_few, kind, shortfall, span},
};
use crate::controllers::split_image;

/// The two network plugins of the charts, with the image that runs on each node.
const PLUGINS: [(&str, &str); 2] = [("calico", "calico/node"), ("cilium", "cilium/cilium")];
/// Images of other network plugins.
const OTHERS: [&str; 6] =
    ["flannel", "weave-kube", "kube-router", "antrea", "kube-ovn", "ovn-kubernetes"];
const OPERATOR: &str = "tigera/operator";
const CLOUD_CONTROLLER: &str = "openstack-cloud-controller-manager";
const CINDER: &str = "cinder-csi-plugin";
const PROVISIONER: &str = "cinder.csi.openstack.org";
const COREDNS: &str = "coredns";
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

fn with_image<'a>(all: &'a [PodController], name: &str) -> Option<&'a PodController> {
    all.iter().find(|one| one.images.iter().any(|image| is(image, name)))
}

fn fail(question: Question, why: impl Into<String>, next: impl Into<String>) -> Verdict {
    judge::fail(question, why, Some(next))
}

fn describe(controller: &PodController) -> String {
    let PodController { namespace, name, .. } = controller;
    format!("kubectl -n {namespace} describe {} {name}", kind(controller))
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

pub(super) fn cni(facts: &WorkloadFacts, wanted: &Wanted) -> Answer {
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let pods = listed(&facts.pods, "pods")?;
    // Only needed to explain why there is no plugin.
    let deployments = facts.deployments.as_deref().unwrap_or_default();
    let fail = |why: String, next: String| Ok(fail(Question::Cni, why, next));
    let shown = |plugin, set| Ok(Verdict::shown([plugin].into_iter().chain(ready(set))));
    let found = PLUGINS.iter().find_map(|(name, image)| Some((name, with_image(sets, image)?)));
    if let Some((plugin, set)) = found {
        return match shortfall(set, pods) {
            None => shown(Evidence::text("network plugin", *plugin), set),
            Some(why) => fail(format!("{plugin}: {why}"), describe(set)),
        };
    }
    let other = sets.iter().find(|s| s.images.iter().any(|i| OTHERS.iter().any(|o| i.contains(o))));
    if let Some(set) = other {
        return match shortfall(set, pods) {
            None => shown(Evidence::holds("network plugin not from the charts"), set),
            Some(why) => fail(why, describe(set)),
        };
    }
    if let Some(operator) = with_image(deployments, OPERATOR) {
        let PodController { namespace, name, wanted, ready, .. } = operator;
        let why = shortfall(operator, pods).unwrap_or_else(|| {
            format!(
                "{namespace}/{name}: {ready} of {wanted} ready, but it has not created calico-node"
            )
        });
        let next = format!("kubectl -n {namespace} logs deployment/{name}");
        return fail(format!("calico is not installed yet: {why}"), next);
    }
    Ok(without_cni(wanted.network_driver.as_deref()))
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
    let found = [sets, deployments].into_iter().find_map(|all| with_image(all, CLOUD_CONTROLLER));
    let Some(controller) = found else {
        let why = "there is no openstack-cloud-controller-manager: nodes stay uninitialized, and \
                   services get no load balancer";
        return fail(why.to_owned(), ADDON.to_owned());
    };
    let ours: Vec<&Pod> = pods.iter().filter(|pod| belongs(pod, controller)).collect();
    if let Some((why, next)) = ours.iter().find_map(|pod| crashing(pod, wanted, now)) {
        return fail(why, next);
    }
    if let Some(why) = shortfall(controller, pods) {
        return fail(why, describe(controller));
    }
    let restarts: i64 = ours.iter().flat_map(|pod| &pod.containers).map(|c| c.restarts).sum();
    let restarts = (restarts > 0).then(|| count("restarts", restarts));
    Ok(Verdict::shown(ready(controller).into_iter().chain(restarts)))
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
             -n {namespace} logs {name} --previous"
        ),
    ))
}

pub(super) fn csi(facts: &WorkloadFacts) -> Answer {
    let deployments = listed(&facts.deployments, "deployments")?;
    let sets = listed(&facts.daemon_sets, "daemon sets")?;
    let classes = listed(&facts.storage_classes, "storage classes")?;
    let pods = listed(&facts.pods, "pods")?;
    let (mut why, mut next, mut evidence) = (Vec::new(), None, Vec::new());
    for (part, controllers) in [("controller", deployments), ("node plugin", sets)] {
        match with_image(controllers, CINDER) {
            None => why.push(format!("there is no cinder CSI {part}")),
            Some(controller) => match shortfall(controller, pods) {
                Some(problem) => {
                    why.push(problem);
                    next = next.or_else(|| Some(describe(controller)));
                }
                None => evidence.extend(ready(controller)),
            },
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
    let cinder = defaults.iter().any(|class| class.provisioner == PROVISIONER);
    evidence.push(Evidence::list("default storage class", names));
    evidence.extend((!cinder).then(|| Evidence::holds("which is not Cinder's")));
    Ok(Verdict::shown(evidence))
}

pub(super) fn dns(facts: &WorkloadFacts) -> Answer {
    let deployments = listed(&facts.deployments, "deployments")?;
    let pods = listed(&facts.pods, "pods")?;
    Ok(match with_image(deployments, COREDNS) {
        None => fail(
            Question::Dns,
            "there is no coredns",
            "kubeadm installs it: kubectl -n kube-system get deployments",
        ),
        Some(coredns) => match shortfall(coredns, pods) {
            None => Verdict::shown(ready(coredns)),
            Some(why) => fail(Question::Dns, why, describe(coredns)),
        },
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
