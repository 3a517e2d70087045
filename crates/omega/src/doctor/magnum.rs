//! Magnum: its lists, its templates, and its records.

use omega_capi::coherence::{Coherence, Rule};
use omega_core::{Evidence, Subject};
use omega_openstack::{
    Error as CloudError,
    container_infra::{Cluster, OddCluster},
};

use super::{Cause, Layer, LayerFinding, causes, controllers, layer_result::LayerResult};

/// Says which templates in use ask for what the chart does not have, as `coherence` found, if it was
/// asked. `clusters`: how many are examined, if Magnum lists them; `templates`: why it does not list
/// its templates.
pub(super) fn judge(
    coherence: Option<&Coherence>,
    clusters: Result<usize, &CloudError>,
    templates: Option<&CloudError>,
) -> LayerResult {
    let unknown = |of: &str, error: &CloudError| {
        let subject = Subject::new("list of Magnum", of);
        LayerFinding::unknown(Layer::Magnum, subject, causes(error))
    };
    let result = LayerResult::new(Layer::Magnum)
        .with(templates.map(|error| unknown("cluster templates", error)));
    let count = match clusters {
        Ok(count) => count,
        Err(error) => return result.with([unknown("clusters", error)]),
    };
    let all = coherence.map(|found| found.findings.as_slice()).unwrap_or_default();
    let found = controllers::broken_rules(all).filter_map(|(rule, finding)| {
        let cause = Cause::TemplateNetworkDriver;
        (rule == Rule::TemplateWithoutCni).then(|| LayerFinding::new(Layer::Magnum, cause, finding))
    });
    let noun = if count == 1 { "cluster" } else { "clusters" };
    result.shown_by([Evidence::count(noun, count)]).with(found)
}

/// Names the clusters of Magnum's list that could not be understood; the others are judged.
pub(super) fn odd(all: &[OddCluster]) -> LayerResult {
    let found = all.iter().map(|one| {
        let (name, why) = (one.name(), &one.why);
        let why = format!("Magnum's list has it, and it could not be understood: {why}");
        let look = format!("look at it: openstack coe cluster show {name}");
        LayerFinding::unknown(Layer::Magnum, Subject::new("cluster", name), why).remedy(look)
    });
    LayerResult::new(Layer::Magnum).with(found)
}

/// Returns Magnum's record of a cluster that could not be examined.
pub(super) fn on_record(cluster: &Cluster) -> LayerResult {
    let stack = cluster.stack_id.as_ref().unwrap_or(&cluster.name);
    let record = record(cluster);
    let says = Evidence::line(&record);
    let says = format!("Magnum says {says}, as of its last successful poll");
    let subject = Subject::new("cluster", stack);
    let unknown = LayerFinding::unknown(Layer::Magnum, subject, says).shown_by(record);
    LayerResult::of_cluster(Layer::Magnum, stack).with([unknown])
}

/// Returns the status and the health that Magnum has on record of `cluster`.
pub(super) fn record(cluster: &Cluster) -> [Evidence; 2] {
    let status = cluster.status.as_deref().unwrap_or("none");
    let health = cluster.health_status.as_deref().unwrap_or("never polled");
    [Evidence::text("status", status), Evidence::text("health", health)]
}

#[cfg(test)]
mod tests {
    use omega_core::Severity;

    use super::*;
    use crate::doctor::{LayerState, Report};

    #[test]
    fn lists_that_magnum_does_not_give_are_unknown() {
        let lost = CloudError::NoProject("magnum".into());
        let coherence = Coherence::default();
        let state = |result| Report::new(vec![result]).layers[0].state;
        assert_eq!(state(judge(Some(&coherence), Ok(2), None)), LayerState::Ok);
        assert_eq!(state(judge(Some(&coherence), Ok(2), Some(&lost))), LayerState::Unknown);
        let unlisted = judge(Some(&coherence), Err(&lost), None);
        assert_eq!(unlisted.findings[0].finding.severity, Severity::Unknown);
    }
}
