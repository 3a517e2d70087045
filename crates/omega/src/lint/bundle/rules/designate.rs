//! `no-designate`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    id: "no-designate",
    decision: Some("D-019"),
    severity: Severity::Warning,
    reason: "This cloud has no DNS of its own yet; D-008 and D-009 still name Designate.",
    source: "the decision; D-008 and D-009 are older",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let charms = ["designate", "designate-bind"];
    let applications = charms.into_iter().flat_map(|charm| input.bundle.of(charm));
    applications
        .map(|application| {
            let summary = "Designate is in the bundle, and D-019 defers it";
            Hit::new(
                application.place,
                &application.name,
                summary,
                "remove it with its relations, or amend D-019",
            )
        })
        .collect()
}
