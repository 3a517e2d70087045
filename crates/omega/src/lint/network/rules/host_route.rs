//! `host-route`

use omega_core::{Severity, Subject};

use super::super::of_neutron;
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = Rule {
    id: "host-route",
    decision: None,
    severity: Severity::Warning,
    reason: "A server reaches only a router that is in its own subnet; Neutron takes any address for one.",
    source: "openstack/neutron neutron/db/db_base_plugin_v2.py (_validate_host_route checks form and family)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let Some(live) = input.live else { return Vec::new() };
    let mut found = Vec::new();
    for subnet in &live.subnets {
        for route in &subnet.host_routes {
            if subnet.cidr.contains(route.nexthop.into()) {
                continue;
            }
            let name = of_neutron::subject(live, subnet);
            let summary = format!(
                "its host route to {} leads by {}, which is not in {}",
                route.destination, route.nexthop, subnet.cidr
            );
            let remedy = format!(
                "remove it: openstack subnet unset --host-route destination={},gateway={} {}",
                route.destination, route.nexthop, subnet.id
            );
            found.push(RULE.found(None, Subject::new("subnet", name), summary, remedy));
        }
    }
    found
}
