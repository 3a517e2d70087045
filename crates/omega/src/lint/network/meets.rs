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
    use RangeKind::{
        Amphorae, External, Network, Nodes, Pods, Pool, Project, Reserved, Route, Services, Tenant,
    };
    if !one.cidr.overlaps(other.cidr) {
        return None;
    }
    let (one, other) = if one.kind <= other.kind { (one, other) } else { (other, one) };
    match (one.kind, other.kind) {
        // `node-network` compares a cluster of the site file with these.
        (Network | Reserved | Pool, Nodes) | (Nodes, Pods | Services | Amphorae | Route) => None,
        (Pods | Services, Pods | Services) => None,
        (Pods | Services, _) | (_, Pods | Services) => Some(Meeting::Chart),
        // Where a route leads is what it is for.
        (_, Route) => None,
        // Networks are parts of what is reserved, and the external subnet is one of them (D-003).
        (Network, Reserved | External) | (Reserved, External | Amphorae) => None,
        (Reserved, Reserved) => Some(Meeting::Twice),
        // `tenant-outside-pool` judges these.
        (Pool, Tenant | Project) => None,
        // What a project does in its own subnet is not a clash.
        (Tenant, Nodes | Project) if one.cidr.contains(other.cidr) => None,
        (Nodes, Project) if one.cidr == other.cidr => None,
        (Tenant | Nodes | Project, Tenant | Nodes | Project | Amphorae) => Some(Meeting::Tenants),
        _ => Some(Meeting::Networks),
    }
}
