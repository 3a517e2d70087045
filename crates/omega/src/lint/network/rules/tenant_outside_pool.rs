//! `tenant-outside-pool`

use omega_core::Severity;

use super::{Input, LintFinding, RangeKind, Rule, subject};

pub(super) const RULE: Rule = Rule {
    id: "tenant-outside-pool",
    decision: Some("D-016"),
    severity: Severity::Broken,
    reason: "The subnets of tenants are taken from one pool, so that they never meet what belongs to the cloud.",
    source: "the decision: tenant CIDRs must be within the pool",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ranges = &input.plan.ranges;
    let pools: Vec<_> = ranges.iter().filter(|range| range.kind == RangeKind::Pool).collect();
    let tenants = ranges.iter().filter(|range| {
        matches!(range.kind, RangeKind::Tenant | RangeKind::Project) && !range.cidr.is_ipv6()
    });
    let outside = tenants.filter(|range| !pools.iter().any(|pool| pool.cidr.contains(range.cidr)));
    outside
        .map(|range| {
            let known = pools.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            let summary = format!("{range} is not in {known}");
            let remedy = if range.is_live() {
                "move its servers to a subnet of the pool; if the pool is another one, say so: [network] pool"
            } else {
                "take a /24 of the pool; if the pool is another one, say so: [network] pool"
            };
            RULE.found(range.origin.position.clone(), subject(range), summary, remedy)
        })
        .collect()
}
