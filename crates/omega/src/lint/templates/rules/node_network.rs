//! `node-network`

use omega_openstack::network::address_mistakes;

use super::super::super::network::{of_site::known, rules};
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = rules::NODE_NETWORK;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ranges = known(input.placed);
    let ours = input.templates.iter().filter(|one| one.facts.ours());
    ours.flat_map(|one| {
        let mistakes = address_mistakes(&one.shape, &ranges).into_iter();
        let found =
            mistakes.map(|why| RULE.found(None, one.subject.clone(), why, rules::NODE_REMEDY));
        found.collect::<Vec<_>>()
    })
    .collect()
}
