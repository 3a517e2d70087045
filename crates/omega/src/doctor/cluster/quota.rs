//! The quotas of a cluster's project.

use omega_core::{Evidence, Finding};
use omega_openstack::cloud_inventory::Quota;

use super::{ClusterFacts, subject};
use crate::doctor::{Cause, Layer, LayerFinding};

/// A quota is the cause if `reason` of the provider names it, or if no other cause is known during a
/// create and the quota of the next resource is full. `lacks`: whether anything is missing at all.
pub(super) fn finding(
    facts: &ClusterFacts,
    reason: Option<&Finding>,
    lacks: bool,
) -> Option<LayerFinding> {
    let full: Vec<&Quota> = facts.quotas.iter().filter(|quota| quota.is_full()).collect();
    // Existing resources need no more quota; a message of the provider is another cause.
    let creating = facts.status() == "CREATE_IN_PROGRESS";
    let silent = creating && lacks && reason.is_none() && !facts.has("/failureMessage");
    let next = || full.iter().find(|quota| is_next(&quota.resource, facts));
    let summary = match reason {
        Some(found) => found.summary.clone(),
        None => format!("the quota of {} is used up", silent.then(next)??.resource),
    };
    let project = facts.cluster.project_id.as_deref().unwrap_or("PROJECT");
    let remedy = format!(
        "{} {project}; or remove what it does not need",
        command(reason.map_or(summary.as_str(), |found| found.summary.as_str()))
    );
    let found = LayerFinding::broken(Layer::Quota, Cause::QuotaExhausted, subject(facts), summary);
    let said = reason.iter().flat_map(|found| found.evidence.clone());
    Some(found.shown_by(said).shown_by(full.into_iter().map(shown)).remedy(remedy))
}

/// The command for the service that refused. Nova names what it lacks: `Quota exceeded for cores, ram:
/// Requested ...` (nova, `nova/exception.py`, `TooManyInstances`).
fn command(said: &str) -> &'static str {
    let (_, lacks) = said.split_once("Quota exceeded for ").unwrap_or_default();
    let lacks = lacks.split_once(':').map_or(lacks, |(lacks, _)| lacks);
    if ["cores", "ram", "instances", "key_pairs"].iter().any(|one| lacks.contains(one)) {
        "openstack quota show --usage --compute PROJECT, then openstack quota set --cores N --ram MB \
         --instances N, for project"
    } else {
        "openstack quota set, or openstack loadbalancer quota set, for project"
    }
}

fn shown(quota: &Quota) -> Evidence {
    let Quota { resource, limit, used, .. } = quota;
    Evidence::text(resource, format!("{used} of {} used", limit.unwrap_or_default()))
}

/// Whether the provider creates such a resource next: network and subnet first, the others once
/// these are in its status (cluster-api-provider-openstack 0.14,
/// `controllers/openstackcluster_controller.go`).
fn is_next(resource: &str, facts: &ClusterFacts) -> bool {
    facts.has("/network/id") != matches!(resource, "network" | "subnet")
}
