//! `hacluster`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "hacluster",
    decision: Some("D-009"),
    severity: Severity::Broken,
    reason: "Each API that can be clustered has a virtual IP and a hacluster of its own, so that more units need no other change.",
    source: "openstack/charm-hacluster metadata.yaml: ha is hacluster's endpoint, of the scope container",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits = Vec::new();
    for application in &bundle.applications {
        let Some(charm) = application.charm() else { continue };
        if !input.policy.clustered.iter().any(|one| one == charm) {
            continue;
        }
        if !bundle.is_related(&application.name, "ha", "hacluster") {
            let summary = format!("{charm} has no relation with a hacluster");
            let remedy = format!(
                "add an application of hacluster and the relation [{name}:ha, {name}-hacluster:ha]",
                name = application.name
            );
            hits.push(Hit::new(application.place, &application.name, summary, remedy));
        }
        if application.option_text("vip").is_none_or(|text| text.trim().is_empty()) {
            let summary = format!("{charm} has no virtual IP");
            let place = application.option_place("vip");
            hits.push(Hit::new(place, &application.name, summary, "set vip"));
        }
    }
    hits
}
