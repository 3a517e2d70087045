//! `template-chart`

use omega_capi::{
    coherence::{self, CoherenceInputs, check_coherence},
    constellation::Dependencies,
    served::apis_of_dependencies,
};
use omega_core::Severity;
use omega_driver::labels::CHART_VERSION;

use super::{Input, LintFinding, Rule};
use crate::graft::SiteSpec;

/// `check-coherence` says it too.
pub(super) const RULE: Rule = Rule {
    id: "template-chart",
    decision: Some("D-034"),
    severity: Severity::Warning,
    reason: "The label of a template takes the place of the site's chart, and what is installed fits that one.",
    source: "magnum-capi-helm 1.4.0, driver.py:551",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let own = input
        .templates
        .iter()
        .filter(|one| one.facts.ours() && one.facts.labels.contains_key(CHART_VERSION));
    let Ok(chart) = SiteSpec::new(&input.placed.site).chart_version() else {
        return own.map(|one| one.found(unknown(one))).collect();
    };
    let apis = Dependencies::of(&chart).map(apis_of_dependencies);
    let Some(Ok(apis)) = apis else { return own.map(|one| one.found(unknown(one))).collect() };
    own.flat_map(|one| {
        let setup = CoherenceInputs {
            driver: input.driver.clone(),
            api_resources: None,
            chart: Some(chart.clone()),
            templates: vec![one.facts.clone()],
        };
        let found = check_coherence(&apis, &setup).findings.into_iter();
        let charts = found
            .filter(|one| coherence::Rule::of(one) == Some(coherence::Rule::TemplateChart))
            .map(|finding| one.found(finding));
        charts.collect::<Vec<_>>()
    })
    .collect()
}

fn unknown(one: &super::super::Judged<'_>) -> omega_core::Finding {
    let label = one.facts.labels.get(CHART_VERSION).map_or("", String::as_str);
    let summary = format!("it has a chart of its own, {label}, and the site's is not known");
    let remedy =
        "name the chart: [chart] in the site file, one of the releases of capi-helm-charts";
    let found = RULE.found(None, one.subject.clone(), summary, remedy);
    found.severity(Severity::Unknown).finding
}
