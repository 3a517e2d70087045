//! `bad-range`

use omega_core::Severity;

use super::{Input, LintFinding, PlannedRange, RangeKind, Rule, subject};

pub(super) const RULE: Rule = Rule {
    id: "bad-range",
    decision: Some("D-016"),
    severity: Severity::Broken,
    reason: "A range begins at its first address and has a length: Neutron refuses any other, and other programs read it in different ways.",
    source: "openstack/neutron-lib neutron_lib/api/validators (validate_subnet)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    input.plan.ranges.iter().filter_map(of_range).collect()
}

fn of_range(range: &PlannedRange) -> Option<LintFinding> {
    use RangeKind::{Network, Pool, Reserved, Tenant};
    // What Neutron has, it has checked; the nodes of a cluster are checked by `node-network`.
    if !matches!(range.kind, Network | Pool | Reserved | Tenant) {
        return None;
    }
    let (summary, remedy) = match range.cidr.hidden_network() {
        Some(network) => (
            format!("{range} has bits behind its length: the range is {network}"),
            format!("write {network}"),
        ),
        None if range.cidr.first() == range.cidr.last() => {
            (format!("{range} is one address"), "write its length: 10.12.4.0/22".to_owned())
        }
        None => return None,
    };
    Some(RULE.found(range.origin.position.clone(), subject(range), summary, remedy))
}
