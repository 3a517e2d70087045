//! `resolver`

use omega_core::Subject;

use super::super::super::{network::of_site::described, resolver};
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = resolver::RULE;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let resolvers = &input.placed.site.lint.resolvers;
    let named = described(input.placed).into_iter();
    named
        .filter_map(|one| {
            let servers = one.shape.dns_servers();
            let position = input.placed.places.nearest(&one.key(&["dns_nameserver"]));
            resolver::judge(servers, resolvers, Subject::new("cluster", &one.name), position)
        })
        .collect()
}
