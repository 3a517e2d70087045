//! `pool-outside-network`

use omega_core::{Severity, Subject};
use omega_openstack::network::Cidr;

use super::{Input, LintFinding, RangeKind, Rule};

pub(super) const RULE: Rule = Rule {
    id: "pool-outside-network",
    decision: Some("D-003"),
    severity: Severity::Broken,
    reason: "Neutron refuses an allocation pool outside its subnet, and the floating IPs share the provider network with the APIs.",
    source: "openstack/neutron neutron/db/ipam_backend_mixin.py (validate_allocation_pools)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let networks = || input.plan.ranges.iter().filter(|range| range.kind == RangeKind::Network);
    let of_site = input.plan.pools.iter().filter(|pool| pool.origin.said_by != "Neutron");
    let outside = of_site.filter(|pool| {
        let ends: [Cidr; 2] = [pool.range.first.into(), pool.range.last.into()];
        !networks().any(|network| ends.iter().all(|end| network.cidr.contains(*end)))
    });
    outside
        .map(|pool| {
            let known = networks().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            let summary = format!(
                "the allocation pool {} ({}) is in no network: {known}",
                pool.range, pool.origin.said_by
            );
            let remedy = "correct [lint] allocation_pools or vip_networks";
            let subject = Subject::new("pool", pool.range.to_string());
            RULE.found(pool.origin.position.clone(), subject, summary, remedy)
        })
        .collect()
}
