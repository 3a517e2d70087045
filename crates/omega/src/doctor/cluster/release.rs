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
    let Release { namespace, name, status, updated, .. } = release;
    match status {
        ReleaseStatus::Failed => Some(broken(release, Cause::ReleaseFailed).remedy(format!(
            "helm -n {namespace} history {name}; the error is in Magnum's status_reason. Fix \
             that, and openstack coe cluster resize (or upgrade) runs helm again"
        ))),
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback
        | ReleaseStatus::Uninstalling => {
            let over = patience.is_over(updated.map(|time| patience.since(time)));
            let found = broken(release, Cause::ReleasePending).remedy(format!(
                "if helm no longer runs, it refuses every further upgrade: helm -n {namespace} \
                 rollback {name}"
            ));
            Some(found.severity(if over { Severity::Broken } else { Severity::Waiting }))
        }
        ReleaseStatus::Deployed
        | ReleaseStatus::Superseded
        | ReleaseStatus::Uninstalled
        | ReleaseStatus::Unknown
        | ReleaseStatus::Other(_) => None,
    }
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
