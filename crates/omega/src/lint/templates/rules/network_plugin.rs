//! `template-without-cni`

use omega_capi::coherence::without_cni;
use omega_core::Severity;

use super::super::Judged;
use super::{Input, LintFinding, Rule};

/// `check-coherence` says it too.
pub(super) const RULE: Rule = Rule {
    id: "template-without-cni",
    decision: Some("D-031"),
    severity: Severity::Broken,
    reason: "The charts have Calico and Cilium; Magnum's default is flannel, for which they install nothing, without an error (DOCFIX-032).",
    source: "capi-helm-charts, charts/cluster-addons/templates/cni; magnum 18.0.1, conf/cluster_templates.py",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ours = input.templates.iter().filter(|one| one.facts.ours());
    ours.filter_map(|one| match one.facts.network_driver.as_deref() {
        // Magnum fills it in when a template is made.
        None | Some("") => Some(unknown(one)),
        Some(_) => Some(one.found(without_cni(&input.driver, &one.facts)?)),
    })
    .collect()
}

fn unknown(one: &Judged<'_>) -> LintFinding {
    let summary = "it has no network driver: which network plugin its clusters get is not known";
    let remedy = "set it: omega-cli ensure-cluster-template, which always sends calico";
    RULE.found(None, one.subject.clone(), summary, remedy).severity(Severity::Unknown)
}
