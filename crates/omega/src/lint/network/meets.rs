//! Which ranges may not share an address.

use super::plan::{AddressPlan, PlannedRange, RangeKind};

/// Why two ranges may not share an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meeting {
    /// Two networks, or one and what tenants use: a router does not know which one is meant.
    Networks,
    /// Two tenants: D-016 gives each its own.
    Tenants,
    /// The chart's pods or services, and something that they have to reach.
    Chart,
    /// A reserved range in another one.
    Twice,
}

impl AddressPlan {
    /// Returns the pairs of ranges that should not meet, the later one of each second.
    pub(super) fn meetings(&self) -> Vec<(&PlannedRange, &PlannedRange, Meeting)> {
        let mut found = Vec::new();
        for (nth, other) in self.ranges.iter().enumerate() {
            for one in self.ranges.iter().take(nth) {
                found.extend(meeting(one, other).map(|meeting| (one, other, meeting)));
            }
        }
        found
    }
}

/// Returns why two ranges of the plan should not meet, if they do.
fn meeting(one: &PlannedRange, other: &PlannedRange) -> Option<Meeting> {
    use RangeKind::{Amphorae, Nodes, Pods, Project, Reserved, Services, Tenant};
    let (one, other) = if one.kind <= other.kind { (one, other) } else { (other, one) };
    if !one.cidr.overlaps(other.cidr) || may_meet(one, other) {
        return None;
    }
    let kinds = [one.kind, other.kind];
    Some(if kinds.iter().any(|kind| matches!(kind, Pods | Services)) {
        Meeting::Chart
    } else if kinds == [Reserved, Reserved] {
        Meeting::Twice
    } else if kinds.iter().all(|kind| matches!(kind, Tenant | Nodes | Project | Amphorae)) {
        Meeting::Tenants
    } else {
        Meeting::Networks
    })
}

/// Returns whether two ranges with common addresses are as they should be. `one` is of the earlier kind.
fn may_meet(one: &PlannedRange, other: &PlannedRange) -> bool {
    use RangeKind::{
        Amphorae, External, Network, Nodes, Pods, Pool, Project, Reserved, Route, Services, Tenant,
    };
    match (one.kind, other.kind) {
        // `node-network` compares a cluster of the site file with these, and `tenant-outside-pool` tenants with
        // the pool.
        (Network | Reserved | Pool, Nodes)
        | (Nodes, Pods | Services | Amphorae)
        | (Pool, Tenant | Project)
        // The chart's own.
        | (Pods | Services, Pods | Services)
        // Networks are parts of what is reserved, and the external subnet is one of them (D-003).
        | (Network, Reserved | External)
        | (Reserved, External | Amphorae) => true,
        // What a project does in its own subnet is not a clash.
        (Tenant, Nodes | Project) => one.cidr.contains(other.cidr),
        (Nodes, Project) => one.cidr == other.cidr,
        // Where a route leads is what it is for.
        (kind, Route) => !matches!(kind, Pods | Services),
        _ => false,
    }
}
