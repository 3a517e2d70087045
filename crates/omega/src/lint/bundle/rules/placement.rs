//! `placement`

use std::collections::HashSet;

use omega_core::{Severity, nearest_name};

use super::super::{Place, Value};
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
    let mut hits: Vec<Hit> =
        applications.flat_map(|application| of_application(application, input)).collect();
    hits.extend(unused(input));
    hits
}

/// Machines that nothing is placed on.
fn unused(input: &Input<'_>) -> Vec<Hit> {
    let applications = input.bundle.applications.iter();
    let places = applications.filter_map(|application| application.field("to"));
    let used: HashSet<&str> = places
        .flat_map(Value::items)
        .filter_map(|place| place.text())
        .map(|text| text.rsplit(':').next().unwrap_or(text))
        .collect();
    let machines = input.bundle.root.get("machines").map(Value::entries).unwrap_or_default();
    let unused = machines.iter().filter(|machine| !used.contains(machine.key.as_str()));
    unused
        .map(|machine| {
            let summary =
                format!("nothing is placed on machine {}: Juju refuses the bundle", machine.key);
            Hit::new(machine.place, "bundle", summary, "place a unit on it, or remove it")
        })
        .collect()
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
    for place in to.items() {
        let Some(text) = place.text() else { continue };
        let on = text.rsplit(':').next().unwrap_or(text);
        hits.extend(if on.parse::<u32>().is_ok() {
            on_machine(name, on, place.place, input)
        } else if on == "new" {
            None
        } else {
            on_application(name, on, place.place, input)
        });
    }
    hits
}

fn on_machine(name: &str, machine: &str, place: Place, input: &Input<'_>) -> Option<Hit> {
    let machines = input.bundle.root.get("machines");
    if machines.map(Value::entries).unwrap_or_default().iter().any(|entry| entry.key == machine) {
        return None;
    }
    // An overlay that replaces the machines is the one to correct.
    let later = machines.map(|machines| machines.place).filter(|at| at.file > place.file);
    let summary = format!("the bundle has no machine {machine}");
    Some(Hit::new(later.unwrap_or(place), name, summary, "add it to machines"))
}

/// `nova-compute`, or one unit of it: `nova-compute/0`.
fn on_application(name: &str, on: &str, place: Place, input: &Input<'_>) -> Option<Hit> {
    let (other, unit) = on.split_once('/').map_or((on, None), |(other, unit)| (other, Some(unit)));
    let Some(application) = input.bundle.application(other) else {
        let names = input.bundle.applications.iter().map(|one| one.name.as_str());
        let summary = format!("the bundle has no application {other} to place a unit on");
        let remedy = match nearest_name(other, names) {
            Some(near) => format!("did you mean {near}?"),
            None => "name an application or a machine".to_owned(),
        };
        return Some(Hit::new(place, name, summary, remedy));
    };
    let units = application.units()?;
    let is_there = unit.is_none_or(|unit| unit.parse::<u32>().is_ok_and(|unit| unit < units));
    (!is_there).then(|| {
        let summary = format!("{other} has {units} units, and none is {on}");
        Hit::new(place, name, summary, "name one of its units, from 0 on")
    })
}
