//! One workload cluster, from its credential up to Magnum's record.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    health::{Answer, Diagnosis, Evidence, HealthCause as Told, Layer as At, classify_health},
    releases::{Release, ReleaseStatus},
};

use super::{
    Cause, Finding, Layer, Mark, cluster_facts::ClusterFacts, infrastructure, kube_api::MINT,
    report::LayerResult,
};

/// Whether there is patience left.
pub(super) struct Clock {
    /// The API server's, or this machine's.
    pub(super) now: Timestamp,
    /// How long a create, a delete or a helm command may take.
    pub(super) patience: Duration,
}

impl Clock {
    fn is_over(&self, age: Option<SignedDuration>) -> bool {
        let patience = SignedDuration::try_from(self.patience).unwrap_or(SignedDuration::MAX);
        age.is_some_and(|age| age > patience)
    }

    fn since(&self, time: &str) -> Option<SignedDuration> {
        Some(self.now.duration_since(time.parse().ok()?))
    }
}

/// Says how the cluster stands, layer by layer.
pub(super) fn judge(facts: &ClusterFacts, clock: &Clock) -> Vec<LayerResult> {
    let mut told = classify_health(&facts.evidence);
    if never_made(facts) {
        told.retain(|one| !matches!(one.cause, Told::Missing | Told::LoadBalancer));
    }
    let mut found: Vec<Finding> =
        told.iter().filter_map(|one| finding(facts, one, clock)).collect();
    let over = clock.is_over(facts.untrue_for(clock.now));
    found.extend(infrastructure::findings(facts, &told, false, over));
    if facts.status() == "CREATE_IN_PROGRESS" && clock.is_over(facts.age(clock.now)) {
        found.extend(stalled(facts, &found));
    }
    found.extend(addons(facts));
    found.extend(unasked(facts));
    found.extend(release(facts, clock));
    found.extend(failed(facts));
    let found = found.into_iter();
    let found: Vec<Finding> =
        found.map(|one| Finding { cluster: Some(facts.stack.clone()), ..one }).collect();
    layers(facts, found)
}

fn layers(facts: &ClusterFacts, mut found: Vec<Finding>) -> Vec<LayerResult> {
    let stack = &facts.stack;
    let release = facts.release.as_ref().ok().and_then(Option::as_ref);
    let release = release.map(|one| {
        let Release { revision, status, chart_version, .. } = one;
        format!("{stack} revision {revision} {status}, chart {chart_version}")
    });
    let health = facts.cluster.health_status.as_deref().unwrap_or("health never polled");
    let balancers = facts.evidence.load_balancers.as_deref().map(|all| {
        let one = |one: &omega_capi::health::LoadBalancer| {
            format!("{} {}", one.name, one.provisioning_status)
        };
        let shown: Vec<String> = all.iter().map(one).collect();
        if shown.is_empty() { "none yet".to_owned() } else { shown.join(", ") }
    });
    let wells = [
        (Layer::ClusterCredential, "nothing was refused to it".to_owned()),
        (Layer::Quota, "nothing was refused for it".to_owned()),
        (Layer::LoadBalancer, balancers.unwrap_or_else(|| "Octavia was not asked".to_owned())),
        (Layer::ClusterApi, "every condition is as it should be".to_owned()),
        (Layer::HelmRelease, release.unwrap_or_else(|| "no release".to_owned())),
        (Layer::Magnum, format!("{}, {health}", facts.status())),
    ];
    let mut all = Vec::new();
    for (layer, well) in wells {
        let (ours, rest) = found.into_iter().partition(|one| one.layer == layer);
        found = rest;
        all.push(LayerResult { layer, cluster: Some(stack.clone()), well, findings: ours });
    }
    // What is the site's and not the cluster's, seen from the cluster.
    all.extend(found.into_iter().map(|one| LayerResult {
        layer: one.layer,
        cluster: None,
        well: String::new(),
        findings: vec![one],
    }));
    all
}

/// One diagnosis as a finding; those of the infrastructure are told elsewhere.
fn finding(facts: &ClusterFacts, one: &Diagnosis, clock: &Clock) -> Option<Finding> {
    use Mark::{Broken, Note, Waiting};
    let Diagnosis { cause, layer, evidence } = one;
    let (layer, cause, mark, next) = match cause {
        Told::Healthy | Told::LoadBalancer | Told::Infrastructure => return None,
        Told::CredentialRefused if *layer == At::ClusterCredential => return None,
        Told::CredentialRefused => rights(facts),
        Told::ManagementUnreachable => webhook(*layer, evidence),
        Told::UnservedVersion => {
            (Layer::Controllers, Cause::VersionUnserved, Broken, one.cause.next().to_owned())
        }
        Told::PolarityMisread => {
            (Layer::Magnum, Cause::PolarityMisread, Broken, one.cause.next().to_owned())
        }
        Told::Missing => (Layer::ClusterApi, Cause::ClusterMissing, Broken, missing(facts)),
        Told::ControlPlane => {
            (Layer::ClusterApi, Cause::ControlPlane, Broken, machines(facts, "control-plane"))
        }
        Told::Workers => (Layer::ClusterApi, Cause::Workers, Broken, machines(facts, "worker")),
        Told::Paused => (Layer::ClusterApi, Cause::Paused, Broken, unpause(facts)),
        Told::Deleting => return Some(deleting(facts, evidence, clock)),
        Told::RollingOut | Told::NeverPolled => {
            (Layer::ClusterApi, Cause::Unclear, Waiting, one.cause.next().to_owned())
        }
        Told::Outdated => (Layer::Magnum, Cause::StaleStatus, Waiting, one.cause.next().to_owned()),
        Told::Unclear => (Layer::ClusterApi, Cause::Unclear, Note, one.cause.next().to_owned()),
    };
    let fact = evidence.first().cloned().unwrap_or_default();
    let found = Finding::broken(layer, cause, &facts.stack, fact, next).marked(mark);
    Some(Finding { evidence: evidence.clone(), ..found })
}

type Place = (Layer, Cause, Mark, String);

fn rights(facts: &ClusterFacts) -> Place {
    let Evidence { answers, as_driver, .. } = &facts.evidence;
    let mut told = answers.0.values().chain(as_driver);
    let forbidden = told.any(|answer| matches!(answer, Answer::Status { code: 403, .. }));
    let cause = if forbidden { Cause::RightsMissing } else { Cause::CredentialRefused };
    (Layer::DriverCredential, cause, Mark::Broken, MINT.to_owned())
}

/// The API server is asked by itself: if it is well, what fails here is behind it.
fn webhook(layer: At, evidence: &[String]) -> Place {
    let behind = evidence.iter().any(|fact| fact.contains("webhook"));
    if layer == At::ManagementApi && !behind {
        let next = "look at the API server and the way to it".to_owned();
        return (Layer::KubeApi, Cause::ApiUnreachable, Mark::Broken, next);
    }
    let next = "look at who serves the conversion webhook: kubectl get crd clusters.cluster.x-k8s.io \
                -o jsonpath='{.spec.conversion}', the Service and Endpoints that it names, and the \
                controller's pod and certificate";
    (Layer::Controllers, Cause::WebhookDown, Mark::Broken, next.to_owned())
}

/// Whether the create failed before helm had made its objects: then nobody deleted them.
fn never_made(facts: &ClusterFacts) -> bool {
    let release = facts.release.as_ref().map(|release| release.as_ref().map(|one| &one.status));
    let made = !matches!(release, Ok(None | Some(ReleaseStatus::Failed)));
    facts.status() == "CREATE_FAILED" && !made
}

fn missing(facts: &ClusterFacts) -> String {
    format!(
        "find out who deleted it: kubectl -n {} get clusters,openstackclusters; helm would make it \
         again with the next openstack coe cluster upgrade or resize",
        facts.evidence.names.namespace()
    )
}

fn machines(facts: &ClusterFacts, which: &str) -> String {
    format!(
        "kubectl -n {} describe machines,openstackmachines -l cluster.x-k8s.io/cluster-name={} (the {which} ones)",
        facts.evidence.names.namespace(),
        facts.stack
    )
}

fn unpause(facts: &ClusterFacts) -> String {
    format!(
        "find out who paused it and why; then kubectl -n {} patch cluster {} --type merge -p \
         '{{\"spec\":{{\"paused\":false}}}}'",
        facts.evidence.names.namespace(),
        facts.stack
    )
}

/// A delete that takes longer than there is patience for is stuck.
fn deleting(facts: &ClusterFacts, evidence: &[String], clock: &Clock) -> Finding {
    let objects = facts.evidence.answers.0.values().filter_map(|answer| match answer {
        Answer::Object(object) => object.deleted.as_deref(),
        Answer::Empty | Answer::Alien | Answer::Status { .. } | Answer::Nothing { .. } => None,
    });
    let longest = objects.filter_map(|time| clock.since(time)).max();
    let stuck = clock.is_over(longest);
    let cause = if stuck { Cause::DeletingStuck } else { Cause::Unclear };
    let next = if stuck {
        format!(
            "find out what its controller waits for: kubectl -n {} describe \
             cluster,openstackcluster,machines. If it waits for ever: omega-cli \
             release-stuck-delete --cluster {} --plan",
            facts.evidence.names.namespace(),
            facts.stack
        )
    } else {
        "wait; it is being deleted".to_owned()
    };
    let held = evidence.iter().find(|fact| fact.contains("held by"));
    let fact = held.or(evidence.first()).cloned().unwrap_or_default();
    let fact = match longest.filter(|_| stuck) {
        Some(longest) => format!("{fact}, for {} s", longest.as_secs()),
        None => fact,
    };
    let mark = if stuck { Mark::Broken } else { Mark::Waiting };
    let found = Finding::broken(Layer::ClusterApi, cause, &facts.stack, fact, next).marked(mark);
    Finding { evidence: [found.evidence.clone(), evidence.to_vec()].concat(), ..found }
}

/// What is untrue of a create that takes longer than there is patience for: asked again as if it
/// were complete, since the driver has no deadline of its own.
fn stalled(facts: &ClusterFacts, known: &[Finding]) -> Vec<Finding> {
    let complete = "CREATE_COMPLETE".to_owned();
    let evidence = Evidence { status: complete, ..facts.evidence.clone() };
    let told = classify_health(&evidence);
    let mut found = infrastructure::findings(facts, &told, true, true);
    let machines = told.iter().filter_map(|one| {
        let known = [
            (Told::ControlPlane, Cause::ControlPlane, "control-plane"),
            (Told::Workers, Cause::Workers, "worker"),
            (Told::Missing, Cause::ClusterMissing, ""),
        ];
        let (_, cause, which) = known.into_iter().find(|(told, ..)| *told == one.cause)?;
        let next = if which.is_empty() { missing(facts) } else { machines(facts, which) };
        let fact = one.evidence.first().cloned().unwrap_or_default();
        let found = Finding::broken(Layer::ClusterApi, cause, &facts.stack, fact, next);
        Some(Finding { evidence: one.evidence.clone(), ..found })
    });
    found.extend(machines);
    found.retain(|one| !known.iter().any(|other| other.cause == one.cause));
    found
}

/// What could not be asked is never taken for good.
fn unasked(facts: &ClusterFacts) -> impl Iterator<Item = Finding> {
    let groups = facts.groups_unknown.as_ref().map(|why| ("node groups", why));
    let addons = facts.addons.as_ref().err().map(|why| ("addons", why));
    let unknown = |(what, why): (&str, &String)| Finding::unknown(Layer::ClusterApi, what, why);
    let credential = facts.credential_unknown.as_ref();
    let credential = credential.map(|why| Finding::unknown(Layer::ClusterCredential, "", why));
    let unasked = facts.evidence.load_balancers.is_none();
    let balancers = unasked.then(|| {
        Finding::unknown(Layer::LoadBalancer, "", "Octavia did not say what the project has")
    });
    groups.into_iter().chain(addons).map(unknown).chain(credential).chain(balancers)
}

fn addons(facts: &ClusterFacts) -> Vec<Finding> {
    let all = facts.addons.as_ref().map(Vec::as_slice).unwrap_or_default();
    let failed = all.iter().filter(|addon| addon.phase == "Failed");
    let one = |addon: &omega_capi::health::Addon| {
        let what = format!("{} {}", addon.plural, addon.name);
        let why = addon.message.as_deref().unwrap_or("no message");
        let namespace = facts.evidence.names.namespace();
        let next = format!(
            "kubectl -n {namespace} describe {} {}; mend it before the create is tried again: \
             Magnum does not look at it a second time",
            addon.plural, addon.name
        );
        let fact = format!("phase Failed: {why}");
        Finding::broken(Layer::ClusterApi, Cause::AddonFailed, what, fact, next)
    };
    failed.map(one).collect()
}

fn release(facts: &ClusterFacts, clock: &Clock) -> Option<Finding> {
    let release = match &facts.release {
        Ok(Some(release)) => release,
        Ok(None) => return None,
        Err(why) => return Some(Finding::unknown(Layer::HelmRelease, &facts.stack, why)),
    };
    let Release { namespace, name, revision, status, updated, .. } = release;
    let fact = format!("{namespace}/{name} revision {revision} is {status}");
    match status {
        ReleaseStatus::Failed => {
            let next = format!(
                "helm -n {namespace} history {name}; what failed is in Magnum's status_reason. \
                 Mend that, and openstack coe cluster resize (or upgrade) runs helm again"
            );
            let cause = Cause::ReleaseFailed;
            Some(Finding::broken(Layer::HelmRelease, cause, name, fact, next))
        }
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback
        | ReleaseStatus::Uninstalling => {
            let over = clock.is_over(updated.map(|at| clock.now.duration_since(at)));
            let next = format!(
                "if no helm runs any more, helm refuses every further upgrade: helm -n {namespace} \
                 rollback {name}"
            );
            let cause = Cause::ReleasePending;
            let found = Finding::broken(Layer::HelmRelease, cause, name, fact, next);
            Some(found.marked(if over { Mark::Broken } else { Mark::Waiting }))
        }
        ReleaseStatus::Deployed
        | ReleaseStatus::Superseded
        | ReleaseStatus::Uninstalled
        | ReleaseStatus::Unknown
        | ReleaseStatus::Other(_) => None,
    }
}

fn failed(facts: &ClusterFacts) -> Option<Finding> {
    facts.status().ends_with("_FAILED").then(|| {
        let next = match facts.status() {
            "CREATE_FAILED" => {
                "do what the reason says; with no reason, look at what is below; then delete the \
                 cluster and create it again"
                    .to_owned()
            }
            "DELETE_FAILED" => format!(
                "do what the reason says, and delete it again; if it hangs: omega-cli \
                 release-stuck-delete --cluster {} --plan",
                facts.stack
            ),
            _ => "do what the reason says, and repeat the command that failed; the cluster itself \
                  may be well"
                .to_owned(),
        };
        let fact = facts.cluster.standing();
        Finding::broken(Layer::Magnum, Cause::CreateFailed, &facts.stack, fact, next)
    })
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
