//! `relation-application`

use std::collections::HashSet;

use omega_core::{Severity, nearest_name};

use super::super::{Bundle, End, Relation, Value};
use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "relation-application",
    decision: None,
    severity: Severity::Broken,
    reason: "Juju refuses a bundle with a relation of an application that it does not have.",
    source: "juju/charm v12 bundledata.go (verifyRelations); the anti-patterns of the decisions: magnum-shared-db is a legal name of an application",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let names = || bundle.applications.iter().map(|application| application.name.as_str());
    let saas = bundle.root.get("saas").map(Value::entries).unwrap_or_default();
    let mut hits = repeated(bundle);
    for end in bundle.relations.iter().flat_map(|relation| &relation.ends) {
        let name = end.application.as_str();
        if bundle.application(name).is_some() || saas.iter().any(|entry| entry.key == name) {
            continue;
        }
        // `magnum-shared-db`: an application and its endpoint without the colon between them.
        let colon = names().find(|known| {
            end.endpoint.is_none()
                && name.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'))
        });
        let subject = name.to_owned();
        let hit = match (colon, nearest_name(name, names())) {
            (Some(known), _) => {
                let right = format!("{known}:{}", name.get(known.len() + 1..).unwrap_or_default());
                let summary = format!(
                    "there is no application {name}: the colon before the endpoint is missing"
                );
                Hit::new(end.place, &subject, summary, format!("write {right}"))
                    .fix(Some(name), &right)
            }
            (None, Some(near)) => {
                let summary = format!("there is no application {name}; {near} is the nearest name");
                Hit::new(
                    end.place,
                    &subject,
                    summary,
                    format!("write {near}, or add the application"),
                )
            }
            (None, None) => {
                let summary = format!("there is no application {name}");
                Hit::new(
                    end.place,
                    &subject,
                    summary,
                    "add the application, or remove the relation",
                )
            }
        };
        hits.push(hit);
    }
    hits
}

/// Relations that are there twice, in whatever order, and of an application with itself.
fn repeated(bundle: &Bundle) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut seen = HashSet::new();
    for Relation { ends: [one, other] } in &bundle.relations {
        let name = |end: &End| (end.application.clone(), end.endpoint.clone());
        let mut pair = [name(one), name(other)];
        pair.sort();
        if one.application == other.application {
            let summary = format!("a relation of {} with itself", one.application);
            hits.push(Hit::new(one.place, &one.application, summary, "remove it"));
        } else if !seen.insert(pair) {
            let summary = format!("the relation with {} is there twice", other.application);
            hits.push(Hit::new(one.place, &one.application, summary, "remove one of them"));
        }
    }
    hits
}
