//! `vip-outside-network`

use omega_core::{Severity, Subject};

use super::{Input, LintFinding, RangeKind, Rule};

pub(in crate::lint::network) const RULE: Rule = Rule {
    id: "vip-outside-network",
    decision: Some("D-020"),
    severity: Severity::Broken,
    reason: "A charm takes the virtual IP that is in the subnet of an endpoint's network; one that is in none is not used.",
    source: "openstack/charms.openstack charms_openstack/ip.py (resolve_address)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let networks: Vec<_> =
        input.plan.ranges.iter().filter(|range| range.kind == RangeKind::Network).collect();
    let inside =
        |vip: std::net::IpAddr| networks.iter().any(|network| network.cidr.contains(vip.into()));
    let outside = input.plan.addresses.iter().filter(|vip| !inside(vip.address));
    outside
        .map(|vip| {
            let known = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            let summary = format!("the virtual IP {} is in no network: {known}", vip.address);
            let remedy = "take an address of the provider or the metal network; if they are others, say so in \
                          the site file: [lint] vip_networks";
            let subject = Subject::new("application", &vip.application);
            RULE.found(Some(vip.position.clone()), subject, summary, remedy)
        })
        .collect()
}
