//! `no-designate`

use omega_core::Subject;

use super::super::super::bundle::rules::designate;
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = designate::RULE;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let acceptance = input.placed.site.acceptance();
    let core = acceptance.core.iter().flatten().enumerate();
    core.filter(|(_, service)| *service == "dns")
        .map(|(nth, service)| {
            let position = input.placed.places.nearest(&["acceptance", "core", &nth.to_string()]);
            let subject = Subject::new("service", service);
            let summary = "acceptance.core asks for Designate, and D-019 defers it";
            RULE.found(position, subject, summary, "remove it, or amend D-019")
        })
        .collect()
}
