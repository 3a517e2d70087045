//! A create that takes longer than the limit.

use omega_capi::health::{HealthCause, HealthFacts, classify_within};

use super::{
    ClusterFacts, Patience,
    health::diagnosed,
    infrastructure::{self, Progress},
    remedies,
};
use crate::doctor::{Cause, Layer, LayerFinding};

/// Judges untrue conditions as if the create were complete, because the driver has no deadline of its
/// own. `known`: what is reported already.
pub(super) fn findings(
    facts: &ClusterFacts,
    known: &[LayerFinding],
    patience: Patience,
) -> Vec<LayerFinding> {
    let complete = "CREATE_COMPLETE".to_owned();
    let evidence = HealthFacts { status: complete, ..facts.evidence.clone() };
    let diagnoses = classify_within(&evidence, patience.of_health(facts));
    let progress = Progress { stalled: true, over: true };
    let mut found = infrastructure::findings(facts, &diagnoses, progress);
    found.extend(diagnoses.iter().filter_map(|one| {
        let (cause, remedy) = if one.cause == HealthCause::ControlPlane {
            (Cause::ControlPlane, remedies::machines(facts, "control-plane"))
        } else if one.cause == HealthCause::Workers {
            (Cause::Workers, remedies::machines(facts, "worker"))
        } else if one.cause == HealthCause::Missing {
            (Cause::ClusterMissing, remedies::missing(facts))
        } else {
            return None;
        };
        Some(diagnosed(facts, one, Layer::ClusterApi, cause).remedy(remedy))
    }));
    found.retain(|one| !known.iter().any(|other| other.cause == one.cause));
    found
}
