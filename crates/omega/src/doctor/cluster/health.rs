//! Turns the state of Cluster API's objects and Magnum's record of a cluster into findings.

use omega_capi::{
    conversion_remedy,
    health::{Answer, Diagnosis, HealthCause, Layer as HealthLayer},
};
use omega_core::{Finding, Observation, Severity};

use super::{ClusterFacts, Patience, deleting, remedies, subject};
use crate::doctor::{Cause, Layer, LayerFinding, messages::is_webhook_failure};

/// Returns one diagnosis as a finding. Those of the infrastructure and of the cluster's own credential
/// are handled in other files.
pub(super) fn finding(
    facts: &ClusterFacts,
    one: &Diagnosis,
    patience: Patience,
) -> Option<LayerFinding> {
    let (layer, cause, remedy) = match one.cause {
        HealthCause::Healthy | HealthCause::LoadBalancer | HealthCause::Infrastructure => {
            return None;
        }
        HealthCause::CredentialRefused if one.layer == HealthLayer::ClusterCredential => {
            return None;
        }
        HealthCause::RollingOut => return rolling_out(facts, one, patience),
        HealthCause::Deleting => return Some(deleting::finding(facts, one, patience)),
        HealthCause::CredentialRefused => {
            let cause = rights(facts);
            let give = "give the user of the kubeconfig the rights that the messages name (RBAC)";
            let refused = cause == Cause::CredentialRefused;
            let remedy = if refused { facts.renew.clone() } else { give.to_owned() };
            (Layer::DriverCredential, cause, Some(remedy))
        }
        HealthCause::ManagementUnreachable => unreachable(one),
        HealthCause::Missing => {
            (Layer::ClusterApi, Cause::ClusterMissing, Some(remedies::missing(facts)))
        }
        HealthCause::ControlPlane => {
            let remedy = remedies::machines(facts, "control-plane");
            (Layer::ClusterApi, Cause::ControlPlane, Some(remedy))
        }
        HealthCause::Workers => {
            (Layer::ClusterApi, Cause::Workers, Some(remedies::machines(facts, "worker")))
        }
        HealthCause::Paused => (Layer::ClusterApi, Cause::Paused, Some(remedies::unpause(facts))),
        HealthCause::UnservedVersion => (Layer::Controllers, Cause::VersionUnserved, None),
        HealthCause::PolarityMisread => (Layer::Magnum, Cause::PolarityMisread, None),
        HealthCause::Outdated => (Layer::Magnum, Cause::StaleStatus, None),
        HealthCause::NeverPolled | HealthCause::Unclear => {
            (Layer::ClusterApi, Cause::Unclear, None)
        }
    };
    let mut found = diagnosed(facts, one, layer, cause);
    if one.cause == HealthCause::Unclear {
        found = found.severity(Severity::Note);
    }
    Some(match remedy {
        Some(remedy) => found.remedy(remedy),
        None => found,
    })
}

/// Whether an object says that machines come or go, and not only Magnum.
fn by_objects(facts: &ClusterFacts, one: &Diagnosis) -> bool {
    let magnums = |found: &Finding| found.summary == facts.status();
    one.cause == HealthCause::RollingOut && !one.findings.iter().all(magnums)
}

/// Whether Cluster API is creating, replacing or removing machines, and something has moved within the
/// limit.
pub(super) fn is_moving(facts: &ClusterFacts, all: &[Diagnosis], patience: Patience) -> bool {
    let moved = facts.last_change().map(|time| patience.since(time));
    all.iter().any(|one| by_objects(facts, one)) && !patience.is_over(moved)
}

/// Machines come or go, or Magnum says so. That it says so for too long is told by what it waits for.
fn rolling_out(facts: &ClusterFacts, one: &Diagnosis, patience: Patience) -> Option<LayerFinding> {
    if !by_objects(facts, one) && patience.is_over(facts.in_progress_for(patience.now)) {
        return None;
    }
    let since = facts.in_progress_since().map(|time| format!(" since {time}")).unwrap_or_default();
    let each = one.findings.iter().map(|found| {
        let since = if found.summary == facts.status() { since.as_str() } else { "" };
        format!("{}{since}", found.summary)
    });
    let summary = format!("in progress: {}", each.collect::<Vec<_>>().join("; "));
    let mut found = diagnosed(facts, one, Layer::ClusterApi, Cause::Unclear);
    found.finding.summary = summary;
    Some(found)
}

/// Returns a diagnosis as `cause` at `layer`: what its first finding says, shown by all of them.
pub(super) fn diagnosed(
    facts: &ClusterFacts,
    one: &Diagnosis,
    layer: Layer,
    cause: Cause,
) -> LayerFinding {
    let mut all = one.findings.iter().cloned();
    let first = all.next().unwrap_or_else(|| Finding::broken(one.cause.rule(), subject(facts), ""));
    LayerFinding::new(layer, cause, first.shown_by(all.flat_map(|other| other.evidence)))
}

/// Whether the driver's credential is rejected, or lacks rights.
fn rights(facts: &ClusterFacts) -> Cause {
    let asked = &facts.evidence;
    let mut answers = asked.answers.0.values().chain(&asked.as_driver);
    let forbidden = answers.any(|answer| matches!(answer, Answer::Status { code: 403, .. }));
    if forbidden { Cause::RightsMissing } else { Cause::CredentialRefused }
}

/// The API server was asked by itself: if it is well, what fails here is a webhook behind it.
fn unreachable(one: &Diagnosis) -> (Layer, Cause, Option<String>) {
    let webhook = one.findings.iter().any(|found| is_webhook_failure(&found.summary));
    if one.layer == HealthLayer::ManagementApi && !webhook {
        let remedy = "check the API server and the route to it".to_owned();
        return (Layer::KubeApi, Cause::ApiUnreachable, Some(remedy));
    }
    let path = one.evidence().filter(|shown| shown.fact == "GET").find_map(|shown| {
        if let Observation::Text(path) = &shown.value { Some(path.as_str()) } else { None }
    });
    (Layer::Controllers, Cause::WebhookDown, Some(conversion_remedy(path.unwrap_or_default())))
}
