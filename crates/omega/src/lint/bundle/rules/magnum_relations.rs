//! `magnum-relations`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "magnum-relations",
    decision: Some("D-007"),
    severity: Severity::Broken,
    reason: "Without each of these relations the charm stays blocked or waiting.",
    source: "openstack/charm-magnum src/metadata.yaml, src/tests/bundles/jammy-caracal.yaml, stable/2024.1",
};

/// Endpoints of magnum, and the charms at their other ends.
const RELATIONS: [(&str, &str, &str); 4] = [
    ("shared-db", "mysql-router", "shared-db"),
    ("amqp", "rabbitmq-server", "amqp"),
    ("identity-service", "keystone", "identity-service"),
    ("certificates", "vault", "certificates"),
];

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits = Vec::new();
    for magnum in bundle.of("magnum") {
        for (endpoint, charm, other) in RELATIONS {
            if bundle.is_related(&magnum.name, endpoint, charm) {
                continue;
            }
            let name = bundle.of(charm).next().map_or(charm, |found| &found.name);
            let summary = format!("magnum has no relation with {charm} ({endpoint})");
            let remedy = format!("add the relation [{}:{endpoint}, {name}:{other}]", magnum.name);
            hits.push(Hit::new(magnum.place, &magnum.name, summary, remedy));
        }
    }
    for dashboard in bundle.of("magnum-dashboard") {
        if !bundle.is_related(&dashboard.name, "dashboard", "openstack-dashboard") {
            let summary = "magnum-dashboard has no relation with openstack-dashboard";
            let remedy = format!(
                "add the relation [{}:dashboard, openstack-dashboard:dashboard-plugin]",
                dashboard.name
            );
            hits.push(Hit::new(dashboard.place, &dashboard.name, summary, remedy));
        }
    }
    hits
}
