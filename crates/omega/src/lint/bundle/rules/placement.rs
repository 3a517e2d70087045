//! `placement`

use omega_core::Severity;

use super::super::Value;
use super::{Application, Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "placement",
    decision: None,
    severity: Severity::Broken,
    reason: "Units beyond the placements get machines of their own; more placements than units are refused.",
    source: "juju/juju 4 internal/bundle/changes/handlers.go; juju/charm v12 bundledata.go",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let applications = input.bundle.applications.iter();
    applications.flat_map(|application| of_application(application, input)).collect()
}

fn of_application(application: &Application, input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let Some(to) = application.field("to") else { return hits };
    // `juju-merge` says what is wrong with it.
    let Some(units) = application.units() else { return hits };
    let places: Vec<_> = to.items().iter().filter_map(|item| item.text()).collect();
    let name = &application.name;
    if places.len() > usize::try_from(units).unwrap_or(usize::MAX) {
        let summary = format!("{} placements for {units} units", places.len());
        hits.push(Hit::new(to.place, name, summary, "remove placements, or raise num_units"));
    }
    // Only an application or `new` is used again for further units.
    let repeats = places
        .last()
        .is_some_and(|last| *last == "new" || input.bundle.application(last).is_some());
    if !places.is_empty() && places.len() < usize::try_from(units).unwrap_or(0) && !repeats {
        let summary =
            format!("{} placements for {units} units: the others get new machines", places.len());
        let hit = Hit::new(to.place, name, summary, "write a placement for each unit");
        hits.push(hit.severity(Severity::Warning));
    }
    let machines = input.bundle.root.get("machines").map(Value::entries).unwrap_or_default();
    for place in to.items() {
        let Some(text) = place.text() else { continue };
        let machine = text.rsplit(':').next().unwrap_or(text);
        let is_number = machine.parse::<u32>().is_ok();
        if is_number && !machines.iter().any(|entry| entry.key == machine) {
            let summary = format!("the bundle has no machine {machine}");
            hits.push(Hit::new(place.place, name, summary, "add it to machines"));
        }
    }
    hits
}
