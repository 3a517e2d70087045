//! `resolver`

use super::super::super::resolver;
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = resolver::RULE;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let resolvers = &input.placed.site.lint.resolvers;
    let ours = input.templates.iter().filter(|one| one.facts.ours());
    ours.filter_map(|one| {
        resolver::judge(one.shape.dns_servers(), resolvers, one.subject.clone(), None)
    })
    .collect()
}
