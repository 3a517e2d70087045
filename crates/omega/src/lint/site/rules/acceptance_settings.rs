//! `acceptance-settings`

use omega_core::{Severity, Subject};

use super::{Input, LintFinding, Rule};
use crate::acceptance::not_named_for;

pub(super) const RULE: Rule = Rule {
    id: "acceptance-settings",
    decision: Some("D-011"),
    severity: Severity::Note,
    reason: "An item of the acceptance bar that the site file says nothing about stays open.",
    source: "the decision: eight criteria; docs/acceptance.md",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let named = not_named_for(&input.placed.site.acceptance());
    let position = input.placed.places.nearest(&["acceptance"]);
    named
        .into_iter()
        .map(|(item, failure)| {
            let summary =
                format!("{} ({}) stays open: {}", item.name(), item.title(), failure.message);
            let next = failure.next.unwrap_or_default();
            RULE.found(position.clone(), Subject::new("item", item.name()), summary, next)
        })
        .collect()
}
