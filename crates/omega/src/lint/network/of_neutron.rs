//! The ranges that Neutron has.

use omega_openstack::network::{AddressInventory, ListedSubnet};

use super::{
    super::bundle::AddressRange,
    plan::{Origin, PlannedPool, PlannedRange, RangeKind},
};

/// Addresses between neighbours only: Neutron's networks for highly available routers are of them
/// (openstack/neutron `neutron/conf/db/l3_hamode_db.py`, `l3_ha_net_cidr`).
const LINK_LOCAL: &str = "169.254.0.0/16";

/// Returns the subnets and where their host routes lead.
pub(super) fn ranges(live: &AddressInventory) -> Vec<PlannedRange> {
    let mut all = Vec::new();
    for subnet in live.subnets.iter().filter(|subnet| !is_link_local(subnet)) {
        let kind = if live.is_external(subnet) {
            RangeKind::External
        } else if live.is_of_octavia(subnet) {
            RangeKind::Amphorae
        } else {
            RangeKind::Project
        };
        all.push(PlannedRange::new(kind, name(live, subnet), subnet.cidr, neutron()));
        let led = subnet.host_routes.iter().filter(|route| !route.destination.is_everywhere());
        all.extend(led.map(|route| {
            let name = format!("host route of {}", name(live, subnet));
            PlannedRange::new(RangeKind::Route, name, route.destination, neutron())
        }));
    }
    all
}

/// Returns what the external networks give out.
pub(super) fn pools(live: &AddressInventory) -> Vec<PlannedPool> {
    let external = live.subnets.iter().filter(|subnet| live.is_external(subnet));
    external.flat_map(|subnet| pools_of(live, subnet)).collect()
}

/// Returns what a subnet gives out.
pub(super) fn pools_of(live: &AddressInventory, subnet: &ListedSubnet) -> Vec<PlannedPool> {
    let pool = |pool: &omega_openstack::network::AllocationPool| PlannedPool {
        name: format!("allocation pool of {}", name(live, subnet)),
        range: AddressRange { first: pool.start, last: pool.end },
        origin: neutron(),
    };
    subnet.allocation_pools.iter().map(pool).collect()
}

/// Returns what a subnet is called: its own name need not be unique, nor be there.
pub(super) fn name(live: &AddressInventory, subnet: &ListedSubnet) -> String {
    format!("subnet {}", subject(live, subnet))
}

/// Returns the same for a [`Subject`](omega_core::Subject), whose kind is `subnet`.
pub(super) fn subject(live: &AddressInventory, subnet: &ListedSubnet) -> String {
    let own = if subnet.name.is_empty() { &subnet.id } else { &subnet.name };
    match live.network_of(subnet).map(|network| network.name.as_str()) {
        Some(network) if !network.is_empty() && network != own => {
            format!("{own} of network {network}")
        }
        Some(_) | None => own.clone(),
    }
}

fn is_link_local(subnet: &ListedSubnet) -> bool {
    LINK_LOCAL.parse().is_ok_and(|all: omega_openstack::network::Cidr| all.contains(subnet.cidr))
}

fn neutron() -> Origin {
    Origin::elsewhere("Neutron")
}
