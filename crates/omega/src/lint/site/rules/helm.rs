//! `untested-version`

use omega_capi::constellation::Dependencies;
use omega_core::Severity;

use super::{Input, LintFinding, Rule};
use crate::graft::SiteSpec;

/// The graft says it too.
pub(super) const RULE: Rule = Rule {
    id: "untested-version",
    decision: Some("D-034"),
    severity: Severity::Warning,
    reason: "The versions of a chart's dependencies.json were tested together; helm is one of them.",
    source: "capi-helm-charts, dependencies.json",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let site = &input.placed.site;
    let (Ok(helm), Ok(chart)) = (site.helm(), SiteSpec::new(site).chart_version()) else {
        return Vec::new();
    };
    let finding = Dependencies::helm_finding(&chart, &helm.version);
    finding.into_iter().map(|finding| input.at(&["helm", "version"], finding)).collect()
}
