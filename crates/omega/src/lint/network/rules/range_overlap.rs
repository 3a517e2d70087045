//! `range-overlap`

use omega_core::Severity;

use super::{Input, LintFinding, Meeting, Rule, meeting, place, subject};

pub(super) const RULE: Rule = Rule {
    id: "range-overlap",
    decision: Some("D-010"),
    severity: Severity::Broken,
    reason: "An address that two networks have is reached in one of them only.",
    source: "the decisions: D-010 keeps the ranges of all roles in one place, so that they do not collide (D-016)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let clashes = meeting(input.plan, Meeting::Networks).into_iter().map(|(one, other)| {
        let summary = format!("{other} overlaps {one}");
        RULE.found(place(one, other), subject(other), summary, "give each its own addresses")
    });
    let twice = meeting(input.plan, Meeting::Twice).into_iter().map(|(one, other)| {
        let summary = format!("{other} overlaps {one}: one of them says it all");
        let found =
            RULE.found(place(one, other), subject(other), summary, "remove the smaller one");
        found.severity(Severity::Note)
    });
    clashes.chain(twice).collect()
}
