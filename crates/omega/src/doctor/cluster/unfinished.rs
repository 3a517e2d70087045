//! A create or an update that never ends, although nothing that it consists of is broken.

use jiff::Timestamp;
use omega_capi::{
    health::{DriverWait, HealthPart, driver_waits},
    releases::Release,
};
use omega_core::{Evidence, Severity};
use omega_driver::naming::sanitized;
use omega_openstack::container_infra::NodeGroup;

use super::{ClusterFacts, Patience, remedies, subject, unread};
use crate::doctor::{Cause, Layer, LayerFinding};

/// What the driver waits for is read off its own status code, which has no deadline.
const SOURCE: &str = "magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py, update_cluster_status";

/// Says what the driver waits for after the limit, or that there is nothing left to wait for. `known`: what
/// is reported already, which may be the cause. `moves`: whether Cluster API is at it.
pub(super) fn findings(
    facts: &ClusterFacts,
    known: &[LayerFinding],
    moves: bool,
    patience: Patience,
) -> Vec<LayerFinding> {
    let in_question = matches!(facts.status(), "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
    let Some(since) = facts.in_progress_since().filter(|_| in_question) else { return Vec::new() };
    let broken = known.iter().any(|one| one.finding.severity == Severity::Broken);
    if moves || broken || !patience.is_over(Some(patience.since(since))) {
        return Vec::new();
    }
    let waits = driver_waits(&facts.evidence, &facts.control_plane);
    let waits = waits.into_iter().filter(|one| is_in_progress(facts, &one.part));
    let mut found: Vec<LayerFinding> = waits.map(|one| waiting(facts, one, since)).collect();
    found.extend(facts.groups.iter().filter_map(|group| leaving(facts, group, since)));
    if found.is_empty() && is_known(facts) {
        found.push(done(facts, since));
    }
    found
}

/// Whether everything that the driver waits for could be read.
fn is_known(facts: &ClusterFacts) -> bool {
    let read = facts.groups_unknown.is_none() && facts.addons.is_ok() && facts.machines.is_ok();
    read && unread(facts).is_none()
}

/// A node group whose status in Magnum is not in progress is not waited for. Without its status it may be.
fn is_in_progress(facts: &ClusterFacts, part: &HealthPart) -> bool {
    let is = |group: &&NodeGroup| match part {
        HealthPart::ControlPlane => group.role == "master",
        HealthPart::NodeGroup(name) => group.name == *name,
        HealthPart::Cluster | HealthPart::Infrastructure => false,
    };
    let status = facts.groups.iter().find(is).and_then(|group| group.status.as_deref());
    status.is_none_or(|status| status.ends_with("_IN_PROGRESS") && !status.starts_with("DELETE"))
}

fn waiting(facts: &ClusterFacts, wait: DriverWait, since: Timestamp) -> LayerFinding {
    let DriverWait { part, condition, summary, evidence } = wait;
    let (cause, remedy) = match (&part, condition.as_deref()) {
        (HealthPart::NodeGroup(_), _) => (Cause::Workers, remedies::machines(facts, "worker")),
        (HealthPart::ControlPlane, _) | (HealthPart::Cluster, Some("ControlPlaneReady")) => {
            (Cause::ControlPlane, remedies::machines(facts, "control-plane"))
        }
        (HealthPart::Cluster, Some("InfrastructureReady")) => {
            (Cause::InfrastructureStalled, remedies::describe(facts))
        }
        (HealthPart::Cluster, None) => (Cause::ClusterMissing, remedies::missing(facts)),
        (HealthPart::Cluster | HealthPart::Infrastructure, _) => {
            (Cause::Unclear, remedies::describe(facts))
        }
    };
    let status = facts.status();
    let summary = format!("Magnum says {status} since {since}: the driver waits until {summary}");
    LayerFinding::broken(Layer::ClusterApi, cause, subject(facts), summary)
        .shown_by([Evidence::text("status", status), Evidence::time("since", since)])
        .shown_by(evidence)
        .remedy(remedy)
        .source(SOURCE)
}

/// A node group that is being deleted is waited for until its machines are gone.
fn leaving(facts: &ClusterFacts, group: &NodeGroup, since: Timestamp) -> Option<LayerFinding> {
    let status = group.status.as_deref().filter(|status| *status == "DELETE_IN_PROGRESS")?;
    let label = facts.machines.as_ref().ok()?.groups.get(&sanitized(&group.name))?;
    let (namespace, stack, name) = (facts.namespace(), &facts.stack, &group.name);
    let summary = format!(
        "Magnum says {} since {since}: the driver waits until the machines of node group {name} are gone",
        facts.status()
    );
    let remedy = format!(
        "find out what holds them: kubectl -n {namespace} describe machines -l \
         cluster.x-k8s.io/cluster-name={stack},capi.stackhpc.com/node-group={label}"
    );
    let shown =
        [Evidence::text(&format!("node group {name}"), status), Evidence::time("since", since)];
    let found = LayerFinding::broken(Layer::ClusterApi, Cause::Workers, subject(facts), summary);
    Some(found.shown_by(shown).remedy(remedy).source(SOURCE))
}

/// Nothing is left to wait for: the conductor does not look, or can't write what it sees.
fn done(facts: &ClusterFacts, since: Timestamp) -> LayerFinding {
    let status = facts.status();
    let summary =
        format!("Cluster API says that all is done, and Magnum still says {status} since {since}");
    let groups = facts.groups.iter().filter_map(|group| {
        Some(Evidence::text(&format!("node group {}", group.name), group.status.as_deref()?))
    });
    let release = facts.release.as_ref().ok().and_then(Option::as_ref);
    let begun = release.and_then(|Release { updated, .. }| *updated);
    let begun = begun.map(|time| Evidence::time("helm's last revision begun", time));
    LayerFinding::broken(Layer::Magnum, Cause::StaleStatus, subject(facts), summary)
        .shown_by([Evidence::text("status", status), Evidence::time("since", since)])
        .shown_by(groups)
        .shown_by(begun)
        .remedy(remedies::conductor(facts))
        .source(SOURCE)
}
