//! `unknown-name`

use omega_core::{Severity, Subject};

use super::{Input, LintFinding, Rule};
use crate::site::unknown_charms;

pub(super) const RULE: Rule = Rule {
    id: "unknown-name",
    decision: Some("D-002"),
    severity: Severity::Warning,
    reason: "A charm that is misspelt in [lint] is not checked, and nobody notices.",
    source: "docs/charms.md: the charms that omega knows",
};

/// `validate` warns of it too.
pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    unknown_charms(&input.placed.site)
        .into_iter()
        .map(|(keys, name, next)| {
            let summary = format!("{name:?} is not a charm that omega knows");
            let position = input.placed.places.nearest(&keys);
            RULE.found(position, Subject::new("charm", name), summary, next)
        })
        .collect()
}
