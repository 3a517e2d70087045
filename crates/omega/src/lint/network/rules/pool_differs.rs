//! `pool-differs`

use omega_core::{Severity, Subject};
use omega_openstack::network::{AddressInventory, ListedSubnet};

use super::super::{PlannedPool, of_neutron};
use super::{Input, LintFinding, PlannedRange, RangeKind, Rule};

pub(super) const RULE: Rule = Rule {
    id: "pool-differs",
    decision: Some("D-003"),
    severity: Severity::Broken,
    reason: "The virtual IPs are checked against the pools of the site file; Neutron gives out what it has itself.",
    source: "openstack/neutron-lib api/definitions/subnet.py: allocation_pools are the addresses that may be given out",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let Some(live) = input.live else { return Vec::new() };
    let mut found: Vec<LintFinding> = live.hidden().map(|network| unseen(&network.name)).collect();
    let networks: Vec<&PlannedRange> =
        input.plan.ranges.iter().filter(|range| range.kind == RangeKind::Network).collect();
    let shared = |subnet: &&ListedSubnet| {
        live.is_external(subnet) && networks.iter().any(|one| one.cidr.overlaps(subnet.cidr))
    };
    let external: Vec<&ListedSubnet> = live.subnets.iter().filter(shared).collect();
    if let (true, true, Some(provider)) = (external.is_empty(), found.is_empty(), networks.first())
    {
        found.push(missing(provider));
    }
    for subnet in external {
        found.extend(of_subnet(input, live, subnet));
    }
    found
}

/// Compares what a subnet gives out with the pools of the site file that are in it.
fn of_subnet(
    input: &Input<'_>,
    live: &AddressInventory,
    subnet: &ListedSubnet,
) -> Option<LintFinding> {
    let named = input.plan.pools.iter().filter(|pool| pool.origin.said_by != "Neutron");
    let named: Vec<&PlannedPool> =
        named.filter(|pool| subnet.cidr.contains(pool.range.first.into())).collect();
    let real = of_neutron::pools_of(live, subnet);
    let list = |all: &mut dyn Iterator<Item = &PlannedPool>| {
        let mut all: Vec<String> = all.map(|pool| pool.range.to_string()).collect();
        all.sort();
        all
    };
    let (wanted, has) = (list(&mut named.iter().copied()), list(&mut real.iter()));
    if wanted == has {
        return None;
    }
    let shown = |all: &[String]| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let said_by = named.first().map_or("[lint] allocation_pools", |pool| &pool.origin.said_by);
    let name = of_neutron::name(live, subnet);
    let summary = format!(
        "Neutron gives out {} of {name}, {}; expected ({said_by}): {}",
        shown(&has),
        subnet.cidr,
        shown(&wanted)
    );
    let remedy = format!(
        "correct [lint] allocation_pools in the site file, or the subnet: openstack subnet set --no-allocation-pool \
         --allocation-pool start=FIRST,end=LAST {}",
        subnet.id
    );
    let position = named.iter().find_map(|pool| pool.origin.position.clone());
    Some(RULE.found(
        position,
        Subject::new("subnet", of_neutron::subject(live, subnet)),
        summary,
        remedy,
    ))
}

/// A pool that this login can't read is not known to be right.
fn unseen(network: &str) -> LintFinding {
    let summary = format!("this login does not see the subnets of the external network {network}");
    let remedy = "log in as an administrator, or as the owner of the network";
    let subject = Subject::new("network", network);
    RULE.found(None, subject, summary, remedy).severity(Severity::Unknown)
}

fn missing(provider: &PlannedRange) -> LintFinding {
    let summary = format!(
        "no external network of Neutron has a subnet in {provider}: floating IPs and virtual IPs do not share it"
    );
    let remedy = "create the external network on it, or correct [lint] vip_networks: the provider network is the first";
    let found =
        RULE.found(provider.origin.position.clone(), super::subject(provider), summary, remedy);
    found.severity(Severity::Warning)
}
