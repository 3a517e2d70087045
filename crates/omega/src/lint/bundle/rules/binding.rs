//! `charm-binding`

use omega_core::{Severity, nearest_name};

use super::super::Value;
use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "charm-binding",
    decision: None,
    severity: Severity::Broken,
    reason: "Juju checks the names of bindings only while it deploys.",
    source: "metadata.yaml of the charm: its endpoints and extra-bindings (docs/charms.md)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for application in
        input.bundle.applications.iter().filter(|application| !application.is_local())
    {
        let Some(name) = application.charm() else { continue };
        let Some(charm) = input.charms.get(name).filter(|charm| charm.complete) else { continue };
        let bindings = application.field("bindings").map(Value::entries).unwrap_or_default();
        for entry in bindings.iter().filter(|entry| !entry.key.is_empty()) {
            let is_known = charm.bindable().any(|known| known == entry.key);
            // `ovn-binding` says more of this one.
            if is_known || entry.key.contains("overlay") {
                continue;
            }
            let near = nearest_name(&entry.key, charm.bindable());
            let remedy =
                near.map_or("remove it".to_owned(), |near| format!("write {near}, or remove it"));
            let summary = format!("the charm {name} has no binding {:?}", entry.key);
            hits.push(Hit::new(entry.place, &application.name, summary, remedy));
        }
    }
    hits
}
