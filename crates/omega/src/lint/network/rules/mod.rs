//! One file for each rule.

mod bad_range;
mod chart_range;
mod default_nodes;
mod host_route;
mod ipv6;
mod node_network;
mod pool_differs;
mod pool_outside_network;
mod range_overlap;
mod tenant_convention;
mod tenant_outside_pool;
mod tenant_overlap;
mod vip_outside_network;

use omega_core::Subject;

use super::{
    super::{LintFinding, Position, Rule},
    AddressPlan, Input, PlannedRange, RangeKind,
    meets::Meeting,
};

pub(in crate::lint) use default_nodes::{
    REMEDY as NODES_REMEDY, RULE as DEFAULT_NODES, is_outside,
};
pub(in crate::lint) use node_network::{REMEDY as NODE_REMEDY, RULE as NODE_NETWORK};
pub(in crate::lint) use tenant_overlap::RULE as TENANT_OVERLAP;
pub(super) use vip_outside_network::RULE as VIP_OUTSIDE;

type Check = fn(&Input<'_>) -> Vec<LintFinding>;

/// Every rule, in the order of the decisions.
pub(super) const ALL: [(Rule, Check); 13] = [
    (pool_outside_network::RULE, pool_outside_network::check),
    (pool_differs::RULE, pool_differs::check),
    (vip_outside_network::RULE, vip_outside_network::check),
    (range_overlap::RULE, range_overlap::check),
    (bad_range::RULE, bad_range::check),
    (ipv6::RULE, ipv6::check),
    (tenant_outside_pool::RULE, tenant_outside_pool::check),
    (tenant_overlap::RULE, tenant_overlap::check),
    (tenant_convention::RULE, tenant_convention::check),
    (node_network::RULE, node_network::check),
    (default_nodes::RULE, default_nodes::check),
    (chart_range::RULE, chart_range::check),
    (host_route::RULE, host_route::check),
];

/// Returns what a finding about a range is about.
fn subject(range: &PlannedRange) -> Subject {
    Subject::new("range", &range.name)
}

/// Returns where a clash is to be corrected: at the later of two ranges that is written in a file.
fn place(one: &PlannedRange, other: &PlannedRange) -> Option<Position> {
    other.origin.position.clone().or_else(|| one.origin.position.clone())
}

/// Returns the pairs that meet for this reason, the one that is to be corrected second.
fn meeting(plan: &AddressPlan, wanted: Meeting) -> Vec<(&PlannedRange, &PlannedRange)> {
    let of = plan.meetings().into_iter().filter(|(_, _, meeting)| *meeting == wanted);
    of.map(|(one, other, _)| {
        let is_fixed = other.origin.position.is_none() && one.origin.position.is_some();
        if is_fixed { (other, one) } else { (one, other) }
    })
    .collect()
}
