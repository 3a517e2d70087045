//! The machines of a cluster, which name the cause of what is above them.

use omega_capi::health::MachineFault;
use omega_core::{Evidence, Severity};
use omega_openstack::RefusalReason;

use super::{ClusterFacts, Patience, remedies, subject};
use crate::doctor::{Cause, Layer, LayerFinding, messages::is_slow};

/// Returns what a machine says as an error: a rollout or a resize does not end by itself then, and is not
/// waited for. What is known to lack a right, a quota or a login is reported as that. `known`: what is
/// reported already.
pub(super) fn findings(
    facts: &ClusterFacts,
    known: &[LayerFinding],
    patience: Patience,
) -> Vec<LayerFinding> {
    let of_cloud = |fault: &MachineFault| RefusalReason::from_message(&fault.message).is_some();
    let errors = facts.machines.iter().flat_map(|all| &all.faults);
    let errors: Vec<&MachineFault> =
        errors.filter(|fault| fault.is_error && !of_cloud(fault)).collect();
    let told = |cause| {
        let is =
            |one: &LayerFinding| one.cause == cause && one.finding.severity == Severity::Broken;
        known.iter().any(is)
    };
    [true, false]
        .into_iter()
        .filter_map(|control_plane| {
            let fault = errors.iter().find(|fault| fault.control_plane == control_plane)?;
            let (cause, which) = if control_plane {
                (Cause::ControlPlane, "control-plane")
            } else {
                (Cause::Workers, "worker")
            };
            (!told(cause)).then(|| finding(facts, fault, cause, which, patience))
        })
        .collect()
}

fn finding(
    facts: &ClusterFacts,
    fault: &MachineFault,
    cause: Cause,
    which: &str,
    patience: Patience,
) -> LayerFinding {
    let MachineFault { plural, name, message, since, .. } = fault;
    let age = since.map(|time| patience.since(time));
    let passes = is_slow(message) && !patience.is_over(age);
    let summary = format!("{plural} {name}: {message}");
    LayerFinding::broken(Layer::ClusterApi, cause, subject(facts), summary)
        .severity(if passes { Severity::Waiting } else { Severity::Broken })
        .shown_by([Evidence::text(&format!("{plural} {name}"), message)])
        .shown_by(since.map(|time| Evidence::time("since", time)))
        .remedy(remedies::machines(facts, which))
}
