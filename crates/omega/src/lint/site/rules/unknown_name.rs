//! `unknown-name`

use omega_core::{Severity, Subject, nearest_name};

use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = Rule {
    id: "unknown-name",
    decision: Some("D-002"),
    severity: Severity::Warning,
    reason: "A charm that is misspelt in [lint] is not checked, and nobody notices.",
    source: "docs/charms.md: the charms that omega knows",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let policy = &input.placed.site.lint;
    let channels =
        policy.channels.keys().map(|name| (["lint", "channels", name].map(str::to_owned), name));
    let clustered = policy.clustered.iter().enumerate();
    let clustered = clustered
        .map(|(nth, name)| (["lint".to_owned(), "clustered".to_owned(), nth.to_string()], name));
    let unknown = channels.chain(clustered).filter(|(_, name)| input.charms.get(name).is_none());
    unknown
        .map(|(keys, name)| {
            let near = nearest_name(name, input.charms.charms.keys().map(String::as_str));
            let summary = format!("{name:?} is not a charm that omega knows");
            let remedy = match near {
                Some(near) => format!("did you mean {near}?"),
                None => "nothing, if the bundle has such a charm".to_owned(),
            };
            let position = input.placed.places.nearest(&keys);
            RULE.found(position, Subject::new("charm", name), summary, remedy)
        })
        .collect()
}
