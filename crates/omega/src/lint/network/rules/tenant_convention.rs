//! `tenant-convention`

use omega_core::Severity;

use super::{Input, LintFinding, RangeKind, Rule, subject};

pub(super) const RULE: Rule = Rule {
    id: "tenant-convention",
    decision: Some("D-016"),
    severity: Severity::Note,
    reason: "A project's subnet is a /24 of the pool by convention (10.20.INDEX.0/24): the number says whose it is.",
    source: "the decision: suggested convention",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ranges = &input.plan.ranges;
    let in_pool = |cidr| {
        ranges.iter().any(|range| range.kind == RangeKind::Pool && range.cidr.contains(cidr))
    };
    let tenants = ranges.iter().filter(|range| {
        matches!(range.kind, RangeKind::Tenant | RangeKind::Nodes | RangeKind::Project)
    });
    let odd = tenants.filter(|range| {
        let is_good = range.cidr.length() == 24 || range.cidr.is_ipv6();
        !is_good && in_pool(range.cidr)
    });
    odd.map(|range| {
        let summary = format!("{range} is not a /24");
        let remedy = "nothing, if it is meant; a /24 each keeps the numbers readable";
        RULE.found(range.origin.position.clone(), subject(range), summary, remedy)
    })
    .collect()
}
