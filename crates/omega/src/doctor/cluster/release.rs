//! A cluster's helm release.

use omega_capi::releases::{Release, ReleaseStatus};
use omega_core::{Evidence, Severity, Subject};

use super::{ClusterFacts, Patience};
use crate::doctor::{Cause, Layer, LayerFinding};

/// Returns whether the create failed before helm had created the objects: then nobody deleted them.
pub(super) fn never_made(facts: &ClusterFacts) -> bool {
    let release = facts.release.as_ref().map(|release| release.as_ref().map(|one| &one.status));
    let made = !matches!(release, Ok(None | Some(ReleaseStatus::Failed)));
    facts.status() == "CREATE_FAILED" && !made
}

pub(super) fn finding(facts: &ClusterFacts, patience: Patience) -> Option<LayerFinding> {
    let release = facts.release.as_ref().ok()?.as_ref()?;
    match &release.status {
        ReleaseStatus::Failed => {
            Some(broken(release, Cause::ReleaseFailed).remedy(after_failure(facts, release)))
        }
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback
        | ReleaseStatus::Uninstalling => {
            let over = patience.is_over(release.updated.map(|time| patience.since(time)));
            let found = broken(release, Cause::ReleasePending).remedy(after_pause(release));
            Some(found.severity(if over { Severity::Broken } else { Severity::Waiting }))
        }
        ReleaseStatus::Deployed
        | ReleaseStatus::Superseded
        | ReleaseStatus::Uninstalled
        | ReleaseStatus::Unknown
        | ReleaseStatus::Other(_) => None,
    }
}

/// Magnum takes neither a resize nor an upgrade of a cluster whose create failed (magnum 18.0.1,
/// `magnum/conductor/handlers/cluster_conductor.py`).
fn after_failure(facts: &ClusterFacts, release: &Release) -> String {
    let Release { namespace, name, .. } = release;
    let why = format!("helm -n {namespace} history {name}; the error is in Magnum's status_reason");
    let then = match facts.status() {
        "CREATE_FAILED" | "CREATE_IN_PROGRESS" => {
            "delete the cluster and create it again: Magnum changes none whose create failed"
        }
        "DELETE_FAILED" | "DELETE_IN_PROGRESS" => "delete the cluster again",
        _ => "openstack coe cluster resize (or upgrade) runs helm again",
    };
    format!("{why}. Fix that; then {then}")
}

/// What helps if helm no longer runs: it refuses every further command of the other kind.
fn after_pause(release: &Release) -> String {
    let Release { namespace, name, revision, status, .. } = release;
    let helm = format!("helm -n {namespace}");
    let then = if *status == ReleaseStatus::Uninstalling {
        format!("uninstall it again: {helm} uninstall {name}")
    } else if *status == ReleaseStatus::PendingInstall || *revision <= 1 {
        format!(
            "there is no revision before {revision}: delete the cluster and create it again (openstack \
             coe cluster delete; or {helm} uninstall {name})"
        )
    } else {
        format!("go back to the revision before: {helm} rollback {name}")
    };
    format!("if helm no longer runs, {then}")
}

fn broken(release: &Release, cause: Cause) -> LayerFinding {
    let Release { namespace, name, revision, status, updated, .. } = release;
    let why = format!("{namespace}/{name} revision {revision} is {status}");
    LayerFinding::broken(Layer::HelmRelease, cause, Subject::new("helm release", name), why)
        .shown_by([
            Evidence::text("revision", revision.to_string()),
            Evidence::text("status", status.to_string()),
        ])
        .shown_by(updated.map(|time| Evidence::time("revision begun", time)))
}
