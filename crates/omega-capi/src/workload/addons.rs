//! What the chart's addons put on the cluster: network plugin, cloud controller manager, volumes,
//! names. Each is known by the images of its containers, so that neither a mirror nor a release's
//! name makes a difference.

use jiff::Timestamp;
use omega_core::{Evidence, Failure, Verdict};

use super::{
    Pod, PodController, Question, StorageClass, Wanted, WorkloadFacts,
    judge::{self, had},
    trouble::{Age, belongs, kind, short, some, span},
};

/// The charts' two plugins, by the image that runs on each node.
const PLUGINS: [(&str, &str); 2] = [("calico", "calico/node"), ("cilium", "cilium/cilium")];
/// What the charts don't bring.
const OTHERS: [&str; 6] =
    ["flannel", "weave-kube", "kube-router", "antrea", "kube-ovn", "ovn-kubernetes"];
const OPERATOR: &str = "tigera/operator";
const CLOUD_CONTROLLER: &str = "openstack-cloud-controller-manager";
const CINDER: &str = "cinder-csi-plugin";
const PROVISIONER: &str = "cinder.csi.openstack.org";
const COREDNS: &str = "coredns";
/// From so many restarts on, and with the last one young, it does not stay up.
const RESTARTS: i64 = 3;

const ADDON: &str = "see whether the addon's HelmRelease failed: kubectl get \
                     helmreleases.addons.stackhpc.com --all-namespaces, on the management cluster";

type Answer = Result<Verdict, Failure>;

/// Whether an image is `name`, from whatever registry, at whatever version.
fn is(image: &str, name: &str) -> bool {
    let named = image.split_once('@').map_or(image, |(named, _digest)| named);
    let repository = match named.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => named,
    };
    repository.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn with<'a>(fleets: &'a [PodController], name: &str) -> Vec<&'a PodController> {
    fleets.iter().filter(|fleet| fleet.images.iter().any(|image| is(image, name))).collect()
}

fn fail(question: Question, why: impl Into<String>, next: impl Into<String>) -> Verdict {
    judge::fail(question, why, Some(next))
}

fn describe(fleet: &PodController) -> String {
    format!("kubectl -n {} describe {} {}", fleet.namespace, kind(fleet), fleet.name)
}

/// What shows that a fleet is well.
fn well(fleet: &PodController) -> [Evidence; 3] {
    let PodController { namespace, name, wanted, ready, .. } = fleet;
    [
        Evidence::text(kind(fleet), format!("{namespace}/{name}")),
        count("pods wanted", *wanted),
        count("pods ready", *ready),
    ]
}

fn count(fact: &str, count: i64) -> Evidence {
    Evidence::count(fact, usize::try_from(count).unwrap_or_default())
}

pub(super) fn cni(facts: &WorkloadFacts, wanted: &Wanted) -> Answer {
    let sets = had(&facts.daemon_sets, "daemon sets")?;
    let pods = had(&facts.pods, "pods")?;
    // Only to say more where there is no plugin.
    let deployments = facts.deployments.as_deref().unwrap_or_default();
    Ok(network(sets, deployments, pods, wanted))
}

fn network(
    sets: &[PodController],
    deployments: &[PodController],
    pods: &[Pod],
    wanted: &Wanted,
) -> Verdict {
    let shown = |plugin, fleet| Verdict::shown([plugin].into_iter().chain(well(fleet)));
    let found = PLUGINS
        .iter()
        .find_map(|(plugin, image)| Some((plugin, with(sets, image).into_iter().next()?)));
    if let Some((plugin, fleet)) = found {
        return match short(fleet, pods) {
            None => shown(Evidence::text("network plugin", *plugin), fleet),
            Some(why) => fail(Question::Cni, format!("{plugin}: {why}"), describe(fleet)),
        };
    }
    let other = sets.iter().find(|s| s.images.iter().any(|i| OTHERS.iter().any(|o| i.contains(o))));
    if let Some(fleet) = other {
        return match short(fleet, pods) {
            None => shown(Evidence::holds("one that is not of the charts"), fleet),
            Some(why) => fail(Question::Cni, why, describe(fleet)),
        };
    }
    if let Some(operator) = with(deployments, OPERATOR).first() {
        let why = short(operator, pods).unwrap_or_else(|| {
            let PodController { namespace, name, wanted, ready, .. } = operator;
            format!("{namespace}/{name} {ready} of {wanted} runs, and has made no calico-node")
        });
        let next = format!("kubectl -n {} logs deployment/{}", operator.namespace, operator.name);
        return fail(Question::Cni, format!("calico is not there yet: {why}"), next);
    }
    without_cni(wanted)
}

fn without_cni(wanted: &Wanted) -> Verdict {
    let template = match wanted.network_driver.as_deref() {
        Some("calico" | "cilium") => {
            return fail(
                Question::Cni,
                "there is no network plugin, neither calico nor cilium, though the template asks \
                 for one",
                ADDON,
            );
        }
        Some(driver) => format!("its template's network_driver is {driver}"),
        None => "a template whose network_driver is flannel, which Magnum fills in where nothing \
                 is said, makes such a cluster"
            .to_owned(),
    };
    fail(
        Question::Cni,
        format!(
            "there is no network plugin, neither calico nor cilium: {template}, and the charts \
             have none for it (D-031)"
        ),
        "make a template with --network-driver calico, and move the cluster to it: openstack coe \
         cluster upgrade CLUSTER TEMPLATE",
    )
}

pub(super) fn cloud_controller(facts: &WorkloadFacts, wanted: &Wanted, now: Timestamp) -> Answer {
    let sets = had(&facts.daemon_sets, "daemon sets")?;
    let deployments = had(&facts.deployments, "deployments")?;
    let pods = had(&facts.pods, "pods")?;
    Ok(controller([sets, deployments], pods, wanted, now))
}

fn controller(
    fleets: [&[PodController]; 2],
    pods: &[Pod],
    wanted: &Wanted,
    now: Timestamp,
) -> Verdict {
    let all: Vec<&PodController> =
        fleets.into_iter().flat_map(|fleets| with(fleets, CLOUD_CONTROLLER)).collect();
    let Some(fleet) = all.first() else {
        return fail(
            Question::CloudController,
            "there is no openstack-cloud-controller-manager: nodes stay uninitialized, and \
             services get no load balancer",
            ADDON,
        );
    };
    let ours: Vec<&Pod> = pods.iter().filter(|pod| belongs(pod, fleet)).collect();
    if let Some(why) = ours.iter().find_map(|pod| crashing(pod, wanted, now)) {
        return fail(Question::CloudController, why.0, why.1);
    }
    if let Some(why) = short(fleet, pods) {
        return fail(Question::CloudController, why, describe(fleet));
    }
    let restarts: i64 = ours.iter().flat_map(|pod| &pod.containers).map(|c| c.restarts).sum();
    let restarts = (restarts > 0).then(|| count("restarts", restarts));
    Verdict::shown(well(fleet).into_iter().chain(restarts))
}

/// Whether a pod does not stay up, and the command that shows why. Its log is no part of the facts.
fn crashing(pod: &Pod, wanted: &Wanted, now: Timestamp) -> Option<(String, String)> {
    let Pod { namespace, name, containers, .. } = pod;
    let found = containers.iter().find_map(|container| {
        let backs_off = container.waiting.as_ref().is_some_and(|w| w.reason == "CrashLoopBackOff");
        let ended = container.last.as_ref().map(|last| Age::of(last.at, now));
        let young = match ended {
            Some(Age::Past(length)) => length < wanted.patience,
            Some(Age::Future(_) | Age::Unknown) | None => false,
        };
        (backs_off || young && container.restarts >= RESTARTS).then_some((container, ended))
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
    let why = format!(
        "{namespace}/{name} does not stay up: {reason}{} restarts{ended}",
        container.restarts
    );
    let next = format!(
        "read why it ended: kubectl -n {namespace} logs {name} --previous (a refused credential, \
         or no route to Keystone)"
    );
    Some((why, next))
}

pub(super) fn csi(facts: &WorkloadFacts) -> Answer {
    let deployments = had(&facts.deployments, "deployments")?;
    let sets = had(&facts.daemon_sets, "daemon sets")?;
    let classes = had(&facts.storage_classes, "storage classes")?;
    let pods = had(&facts.pods, "pods")?;
    Ok(volumes(deployments, sets, classes, pods))
}

fn volumes(
    deployments: &[PodController],
    sets: &[PodController],
    classes: &[StorageClass],
    pods: &[Pod],
) -> Verdict {
    let (mut why, mut next, mut evidence) = (Vec::new(), None, Vec::new());
    for (part, fleets) in [("controller", deployments), ("node plugin", sets)] {
        match with(fleets, CINDER).first() {
            None => why.push(format!("there is no cinder CSI {part}")),
            Some(fleet) => match short(fleet, pods) {
                Some(problem) => {
                    why.push(problem);
                    next = next.or_else(|| Some(describe(fleet)));
                }
                None => evidence.extend(well(fleet)),
            },
        }
    }
    let defaults: Vec<_> = classes.iter().filter(|class| class.default).collect();
    let names: Vec<&str> = defaults.iter().map(|class| class.name.as_str()).collect();
    if defaults.is_empty() {
        let all: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
        let all = if all.is_empty() { "none at all".to_owned() } else { some(&all) };
        why.push(format!("no storage class is the default (there are: {all})"));
    }
    if !why.is_empty() {
        return fail(Question::Csi, why.join("; "), next.unwrap_or_else(|| ADDON.to_owned()));
    }
    let cinder = defaults.iter().any(|class| class.provisioner == PROVISIONER);
    evidence.push(Evidence::list("default storage class", names));
    evidence.extend((!cinder).then(|| Evidence::holds("which is not Cinder's")));
    Verdict::shown(evidence)
}

pub(super) fn dns(facts: &WorkloadFacts) -> Answer {
    let deployments = had(&facts.deployments, "deployments")?;
    let pods = had(&facts.pods, "pods")?;
    Ok(match with(deployments, COREDNS).first() {
        None => fail(
            Question::Dns,
            "there is no coredns",
            "kubeadm puts it there: kubectl -n kube-system get deployments",
        ),
        Some(fleet) => match short(fleet, pods) {
            None => Verdict::shown(well(fleet)),
            Some(why) => fail(Question::Dns, why, describe(fleet)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn an_image_is_known_through_a_mirror_and_not_by_its_looks() {
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
