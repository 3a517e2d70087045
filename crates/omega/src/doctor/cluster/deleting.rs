//! A cluster that is being deleted.

use jiff::Timestamp;
use omega_capi::health::Diagnosis;
use omega_core::{Evidence, Severity};

use super::{ClusterFacts, Patience, remedies, subject};
use crate::doctor::{Cause, Layer, LayerFinding};

/// A delete that takes longer than the limit is stuck: in Cluster API, or in Magnum that does not notice.
pub(super) fn finding(facts: &ClusterFacts, one: &Diagnosis, patience: Patience) -> LayerFinding {
    let since = facts.deleting_since();
    let magnums = facts.in_progress_since().filter(|_| facts.status() == "DELETE_IN_PROGRESS");
    let is_over =
        |since: Option<Timestamp>| patience.is_over(since.map(|time| patience.since(time)));
    let (layer, cause, summary, remedy) = match (since, magnums) {
        (Some(_), _) if is_over(since) => (
            Layer::ClusterApi,
            Cause::DeletingStuck,
            "its delete takes too long".to_owned(),
            remedies::stuck_delete(facts),
        ),
        (None, Some(began)) if is_over(magnums) && facts.is_gone() => (
            Layer::Magnum,
            Cause::StaleStatus,
            format!(
                "Cluster API has deleted it, and Magnum still says DELETE_IN_PROGRESS since {began}"
            ),
            remedies::conductor(facts),
        ),
        (None, Some(began)) if is_over(magnums) && facts.objects().next().is_some() => (
            Layer::ClusterApi,
            Cause::DeletingStuck,
            format!(
                "Magnum says DELETE_IN_PROGRESS since {began}, and nobody has deleted its Cluster"
            ),
            remedies::not_deleted(facts),
        ),
        _ => (Layer::ClusterApi, Cause::Unclear, "it is being deleted".to_owned(), String::new()),
    };
    let mut finalizers: Vec<&str> =
        facts.objects().flat_map(|(_, object)| &object.finalizers).map(String::as_str).collect();
    finalizers.sort_unstable();
    finalizers.dedup();
    let held = (!finalizers.is_empty()).then(|| Evidence::list("finalizers", finalizers));
    let found = LayerFinding::broken(layer, cause, subject(facts), summary)
        .shown_by(since.map(|time| Evidence::time("being deleted since", time)))
        .shown_by(held)
        .shown_by(one.evidence().cloned());
    if cause == Cause::Unclear {
        found.severity(Severity::Waiting).remedy("wait: it is being deleted")
    } else {
        found.remedy(remedy)
    }
}
