//! `chart-range`

use omega_core::Severity;

use super::{Input, LintFinding, Meeting, PlannedRange, RangeKind, Rule, meeting, place, subject};

pub(super) const RULE: Rule = Rule {
    id: "chart-range",
    decision: Some("D-016"),
    severity: Severity::Broken,
    reason: "Pods and services of every cluster have the chart's ranges, which no label changes: a pod reaches nothing else with these addresses.",
    source: "capi-helm-charts 0.25.1, charts/openstack-cluster/values.yaml, kubeNetwork",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let clashes = meeting(input.plan, Meeting::Chart).into_iter();
    clashes
        .map(|(one, other)| {
            let of_chart =
                |range: &PlannedRange| matches!(range.kind, RangeKind::Pods | RangeKind::Services);
            let (chart, other) = if of_chart(other) { (other, one) } else { (one, other) };
            let summary = format!("{other} meets {chart}: no pod reaches it");
            let remedy = "take addresses outside 172.16.0.0/12 for it";
            let found = RULE.found(place(chart, other), subject(other), summary, remedy);
            // Clusters need not reach another project's servers.
            let is_apart =
                matches!(other.kind, RangeKind::Project | RangeKind::Amphorae | RangeKind::Route);
            if is_apart { found.severity(Severity::Warning) } else { found }
        })
        .collect()
}
