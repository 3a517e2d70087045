//! One workload cluster, from its credential up to Magnum's record.

mod addons;
mod ask;
mod deleting;
mod facts;
mod health;
mod infrastructure;
mod machines;
mod quota;
mod release;
mod remedies;
mod stalled;
mod unfinished;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    definition_of,
    health::{Answer, HealthCause, Patience as HealthPatience, classify_within},
    releases::Release,
};
use omega_core::{Evidence, Subject};

pub(super) use ask::{Asking, ask};
pub(super) use facts::ClusterFacts;

use super::{Cause, Layer, LayerFinding, layer_result::LayerResult, magnum};

/// The time limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The time, by the API server's clock or this machine's.
    pub(super) now: Timestamp,
    /// How long a create, a delete or a helm command may take.
    pub(super) limit: Duration,
}

impl Patience {
    /// Returns whether `age` is more than the limit. An unknown age is not.
    fn is_over(self, age: Option<SignedDuration>) -> bool {
        let limit = SignedDuration::try_from(self.limit).unwrap_or(SignedDuration::MAX);
        age.is_some_and(|age| age > limit)
    }

    fn since(self, time: Timestamp) -> SignedDuration {
        self.now.duration_since(time)
    }

    /// The same for the conditions of objects.
    fn of_health(self, facts: &ClusterFacts) -> HealthPatience {
        let joined = facts.machines.as_ref().ok().and_then(|all| all.joined);
        HealthPatience { now: self.now, limit: self.limit, joined }
    }
}

/// Returns what is wrong with the cluster, layer by layer.
pub(super) fn judge(facts: &ClusterFacts, patience: Patience) -> Vec<LayerResult> {
    let mut diagnoses = classify_within(&facts.evidence, patience.of_health(facts));
    if release::never_made(facts) {
        let made = |cause| !matches!(cause, HealthCause::Missing | HealthCause::LoadBalancer);
        diagnoses.retain(|one| made(one.cause));
    }
    let mut found: Vec<LayerFinding> =
        diagnoses.iter().filter_map(|one| health::finding(facts, one, patience)).collect();
    let over = patience.is_over(facts.untrue_for(patience.now));
    let progress = infrastructure::Progress { stalled: false, over };
    found.extend(infrastructure::findings(facts, &diagnoses, progress));
    if facts.status() == "CREATE_IN_PROGRESS" && patience.is_over(facts.age(patience.now)) {
        found.extend(stalled::findings(facts, &found, patience));
    }
    found.extend(addons::findings(facts, patience));
    found.extend(release::finding(facts, patience));
    found.extend(failed(facts));
    if !facts.status().starts_with("DELETE") {
        found.extend(machines::findings(facts, &found, patience));
    }
    let moves = health::is_moving(facts, &diagnoses, patience);
    found.extend(unfinished::findings(facts, &found, moves, patience));
    found.extend(unasked(facts));
    layers(facts, found)
}

/// Sorts the findings into the layers of the cluster. Findings about the site that were made on the
/// cluster go to the site's layers.
fn layers(facts: &ClusterFacts, mut found: Vec<LayerFinding>) -> Vec<LayerResult> {
    let mut all = Vec::new();
    for result in seen(facts) {
        let (ours, rest): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| one.layer == result.layer);
        found = rest;
        all.push(result.with(ours));
    }
    let site = found
        .into_iter()
        .map(|one| LayerResult::new(one.layer).with([one.of_cluster(&facts.stack)]));
    all.extend(site);
    all
}

/// Returns the layers of the cluster with what was observed there.
fn seen(facts: &ClusterFacts) -> Vec<LayerResult> {
    let layer = |layer| LayerResult::of_cluster(layer, &facts.stack);
    let credential = layer(Layer::ClusterCredential);
    let credential = match &facts.credential {
        Ok(None) => credential.not_asked("the cluster has no application credential"),
        Ok(Some(_)) | Err(_) => {
            credential.shown_by(facts.roles().map(|roles| Evidence::list("roles", roles)))
        }
    };
    let balancers = facts.evidence.load_balancers.as_deref().unwrap_or_default();
    let each = balancers.iter().map(|one| Evidence::text(&one.name, &one.provisioning_status));
    let none = balancers.is_empty().then(|| Evidence::holds("none yet"));
    let release = match &facts.release {
        Ok(Some(Release { revision, status, chart_version, .. })) => vec![
            Evidence::text("revision", revision.to_string()),
            Evidence::text("status", status.to_string()),
            Evidence::text("chart", chart_version),
        ],
        Ok(None) | Err(_) => vec![Evidence::holds("no release")],
    };
    vec![
        credential,
        layer(Layer::Quota).shown_by([Evidence::holds("nothing was refused for it")]),
        layer(Layer::LoadBalancer).shown_by(each.chain(none)),
        layer(Layer::ClusterApi).shown_by(
            unread(facts).is_none().then(|| Evidence::holds("every condition is as it should be")),
        ),
        layer(Layer::HelmRelease).shown_by(release),
        layer(Layer::Magnum).shown_by(magnum::record(&facts.cluster)),
    ]
}

/// The cluster as the subject of a finding.
fn subject(facts: &ClusterFacts) -> Subject {
    Subject::new("cluster", &facts.stack)
}

/// What could not be read is never treated as good.
fn unasked(facts: &ClusterFacts) -> impl Iterator<Item = LayerFinding> {
    let balancers = facts.evidence.load_balancers.is_none();
    let balancers =
        balancers.then(|| "the load balancers of the project could not be listed".to_owned());
    let addons = facts.addons.as_ref().err().map(|why| format!("addons: {why}"));
    let groups = facts.groups_unknown.as_ref().map(|why| format!("node groups: {why}"));
    let machines = facts.machines.as_ref().err().map(|why| format!("machines: {why}"));
    let all = [
        (Layer::ClusterApi, unread(facts)),
        (Layer::ClusterApi, machines),
        (Layer::ClusterApi, groups),
        (Layer::ClusterApi, addons),
        (Layer::ClusterCredential, facts.credential.as_ref().err().cloned()),
        (Layer::LoadBalancer, balancers),
        (Layer::Quota, facts.quotas_unknown.clone()),
        (Layer::HelmRelease, facts.release.as_ref().err().cloned()),
    ];
    let subject = subject(facts);
    all.into_iter()
        .filter_map(move |(layer, why)| Some(LayerFinding::unknown(layer, subject.clone(), why?)))
}

/// Says which of its objects could not be read. That one is absent is an answer.
fn unread(facts: &ClusterFacts) -> Option<String> {
    let all = facts.evidence.answers.0.iter().filter_map(|(path, answer)| {
        let why = match answer {
            Answer::Object(_) | Answer::Empty | Answer::Status { code: 404, .. } => return None,
            Answer::Status { code, .. } => format!("HTTP {code}"),
            Answer::NotAnObject => "no JSON object".to_owned(),
            Answer::Nothing { why } => why.clone(),
        };
        Some(format!("{}: {why}", definition_of(path).unwrap_or_else(|| path.clone())))
    });
    let all: Vec<String> = all.collect();
    (!all.is_empty()).then(|| format!("not read: {}", all.join("; ")))
}

/// Returns the finding that Magnum's last operation on the cluster failed.
fn failed(facts: &ClusterFacts) -> Option<LayerFinding> {
    facts.cluster.has_failed().then(|| {
        let summary = facts.cluster.status_text();
        LayerFinding::broken(Layer::Magnum, Cause::CreateFailed, subject(facts), summary)
            .shown_by([Evidence::text("status", facts.status())])
            .remedy(remedies::after_failure(facts))
    })
}

#[cfg(test)]
mod progress_tests;
#[cfg(test)]
mod sound;
#[cfg(test)]
mod tests;
