//! `subordinate-units`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "subordinate-units",
    decision: None,
    severity: Severity::Broken,
    reason: "A subordinate has the units of what it is related to: Juju refuses units or a placement of its own, and without a relation it has none.",
    source: "metadata.yaml of the charm: subordinate (docs/charms.md); juju/juju 4 deployer/bundlehandler.go",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits = Vec::new();
    for application in &bundle.applications {
        let Some(name) = application.charm() else { continue };
        let Some(charm) = input.charms.get(name) else { continue };
        if !charm.subordinate {
            continue;
        }
        if let Some(units) = application.units().filter(|units| *units > 0) {
            let place =
                application.field("num_units").map_or(application.place, |value| value.place);
            let summary = format!("{name} is a subordinate and has num_units: {units}");
            hits.push(Hit::new(place, &application.name, summary, "remove num_units"));
        }
        if let Some(to) = application.field("to") {
            let summary = format!("{name} is a subordinate and has a placement");
            hits.push(Hit::new(to.place, &application.name, summary, "remove to"));
        }
        if bundle.relations_of(&application.name).next().is_none() {
            let summary = format!("{name} is a subordinate without a relation: it gets no unit");
            let hit = Hit::new(
                application.place,
                &application.name,
                summary,
                "relate it to its principal, or remove it",
            );
            hits.push(hit.severity(Severity::Warning));
        }
    }
    hits
}
