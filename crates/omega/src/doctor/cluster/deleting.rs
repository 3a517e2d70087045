//! A cluster that is being deleted.

use omega_capi::health::Diagnosis;
use omega_core::{Evidence, Severity};

use super::{ClusterFacts, Patience, remedies, subject};
use crate::doctor::{Cause, Layer, LayerFinding};

/// A delete that takes longer than the limit is stuck.
pub(super) fn finding(facts: &ClusterFacts, one: &Diagnosis, patience: Patience) -> LayerFinding {
    let since = facts.deleting_since();
    let stuck = patience.is_over(since.map(|time| patience.since(time)));
    let (cause, summary) = if stuck {
        (Cause::DeletingStuck, "its delete takes too long")
    } else {
        (Cause::Unclear, "it is being deleted")
    };
    let mut finalizers: Vec<&str> =
        facts.objects().flat_map(|(_, object)| &object.finalizers).map(String::as_str).collect();
    finalizers.sort_unstable();
    finalizers.dedup();
    let held = (!finalizers.is_empty()).then(|| Evidence::list("finalizers", finalizers));
    let found = LayerFinding::broken(Layer::ClusterApi, cause, subject(facts), summary)
        .shown_by(since.map(|time| Evidence::time("being deleted since", time)))
        .shown_by(held)
        .shown_by(one.evidence().cloned());
    if stuck {
        found.remedy(remedies::stuck_delete(facts))
    } else {
        found.severity(Severity::Waiting).remedy("wait: it is being deleted")
    }
}
