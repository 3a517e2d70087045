//! `charm-option`

use omega_core::{Severity, is_secret_name, nearest_name};

use super::super::Value;
use super::super::yaml::Entry;
use super::{Application, Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "charm-option",
    decision: None,
    severity: Severity::Broken,
    reason: "Juju checks options only while it deploys: an unknown one stops it halfway.",
    source: "config.yaml of the charm (docs/charms.md)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for application in
        input.bundle.applications.iter().filter(|application| !application.is_local())
    {
        let Some(name) = application.charm() else { continue };
        let Some(charm) = input.charms.get(name) else { continue };
        let options = application.field("options").map(Value::entries).unwrap_or_default();
        for entry in options {
            match charm.options.get(&entry.key) {
                Some(option) => hits.extend(wrong_type(application, entry, &option.kind)),
                None if charm.complete => {
                    let near = nearest_name(&entry.key, charm.options.keys().map(String::as_str));
                    let remedy = near.map_or("remove it".to_owned(), |near| {
                        format!("write {near}, or remove it")
                    });
                    let summary = format!("the charm {name} has no option {:?}", entry.key);
                    hits.push(Hit::new(entry.place, &application.name, summary, remedy));
                }
                None => {}
            }
        }
    }
    hits
}

/// Juju takes a number or a boolean also as text, if it can be read as one.
fn wrong_type(application: &Application, entry: &Entry, kind: &str) -> Option<Hit> {
    if entry.value.is_null() {
        return None;
    }
    let text = entry.value.text();
    let is_right = match (kind, text) {
        ("int", Some(text)) => text.parse::<i64>().is_ok(),
        ("float", Some(text)) => text.parse::<f64>().is_ok(),
        ("boolean", Some(_)) => application.option_flag(&entry.key).is_some(),
        ("string" | "secret", Some(_)) => true,
        (_, text) => text.is_some(),
    };
    if is_right {
        return None;
    }
    let is = match text {
        Some(_) if is_secret_name(&entry.key) => "a text that is not shown".to_owned(),
        Some(text) => format!("{text:?}"),
        None => entry.value.kind().to_owned(),
    };
    let summary = format!("{} is {is}, and the charm takes {kind}", entry.key);
    Some(Hit::new(
        entry.value.place,
        &application.name,
        summary,
        format!("write a value of type {kind}"),
    ))
}
