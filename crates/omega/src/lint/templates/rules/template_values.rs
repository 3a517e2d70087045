//! What in a template has no effect, or departs from a decision: the judgement of `ensure-cluster-template`.

use omega_driver::template::findings;

use super::super::super::template_rules;
use super::{Input, LintFinding, Rule};

pub(super) const RULES: [Rule; 4] = template_rules::RULES;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ours = input.templates.iter().filter(|one| one.facts.ours());
    ours.flat_map(|one| {
        let fields = one.template.fields_set();
        let (name, labels) = (&one.facts.name, &one.facts.labels);
        let all = findings(&input.driver, input.chart(), name, labels, &fields).into_iter();
        all.map(|finding| one.found(finding)).collect::<Vec<_>>()
    })
    .collect()
}
