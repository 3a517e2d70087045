//! `other-driver`

use omega_core::Severity;

use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = Rule {
    id: "other-driver",
    decision: Some("D-031"),
    severity: Severity::Note,
    reason: "The driver manages Kubernetes on virtual machines with Ubuntu or Flatcar; of other templates nothing is judged.",
    source: "magnum-capi-helm, driver.py (provides, all releases)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let others = input.templates.iter().filter(|one| !one.facts.ours());
    others
        .map(|one| {
            let facts = &one.facts;
            let distro = facts.distro.as_deref().unwrap_or("none");
            let summary = format!(
                "it is not for magnum-capi-helm ({}, {}, os_distro {distro}): nothing of it is judged",
                facts.coe, facts.server_type
            );
            let remedy = "nothing, if another driver is meant; else give its image os_distro=ubuntu, and make a new template";
            RULE.found(None, one.subject.clone(), summary, remedy)
        })
        .collect()
}
