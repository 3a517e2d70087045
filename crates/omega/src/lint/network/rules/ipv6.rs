//! `ipv4-only`

use omega_core::{Severity, Subject};

use super::{Input, LintFinding, PlannedRange, RangeKind, Rule, subject};

pub(super) const RULE: Rule = Rule {
    id: "ipv4-only",
    decision: Some("D-015"),
    severity: Severity::Broken,
    reason: "v1 of this cloud is IPv4 only: its routers do not carry IPv6 yet.",
    source: "the decision; D-004 has the families of v2",
};

const REMEDY: &str = "write an address of IPv4; v2 adds the other family (D-004)";

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let plan = input.plan;
    let ranges = plan.ranges.iter().filter(|range| range.cidr.is_ipv6()).filter_map(of_range);
    let of_site = plan.pools.iter().filter(|pool| pool.origin.said_by != "Neutron");
    let pools = of_site.filter(|pool| pool.range.first.is_ipv6()).map(|pool| {
        let summary = format!("the allocation pool {} is of IPv6", pool.range);
        let subject = Subject::new("pool", pool.range.to_string());
        RULE.found(pool.origin.position.clone(), subject, summary, REMEDY)
    });
    let vips = plan.addresses.iter().filter(|vip| vip.address.is_ipv6()).map(|vip| {
        let summary = format!("the virtual IP {} is of IPv6", vip.address);
        let subject = Subject::new("application", &vip.application);
        RULE.found(Some(vip.position.clone()), subject, summary, REMEDY)
    });
    ranges.chain(pools).chain(vips).collect()
}

fn of_range(range: &PlannedRange) -> Option<LintFinding> {
    // charm-octavia makes its network of IPv6, which only amphorae use.
    if matches!(range.kind, RangeKind::Amphorae | RangeKind::Route) {
        return None;
    }
    let summary = format!("{range} is of IPv6");
    let found = RULE.found(range.origin.position.clone(), subject(range), summary, REMEDY);
    Some(if range.is_live() { found.severity(Severity::Note) } else { found })
}
