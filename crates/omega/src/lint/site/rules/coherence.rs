//! The rules of `check-coherence` that a site file can break, with the versions that its chart was tested with.

use omega_capi::{
    coherence::{self, CoherenceInputs, TemplateFacts, check_coherence},
    constellation::Dependencies,
    served::{ServedApis, apis_of_dependencies},
};
use omega_core::{Finding, Severity, Subject};
use omega_driver::labels::CHART_VERSION;

use super::{Input, LintFinding, Rule};
use crate::{coherence::setup, graft::SiteSpec};

const SOURCE: &str = "omega-cli check-coherence --dependencies FILE; magnum-capi-helm 1.4.0, kubernetes.py; \
                      capi-helm-charts, charts/openstack-cluster/templates";

const fn rule(
    id: &'static str,
    decision: &'static str,
    severity: Severity,
    reason: &'static str,
) -> Rule {
    Rule { id, decision: Some(decision), severity, reason, source: SOURCE }
}

/// What the whole judgement could not be made without.
const CHART: Rule = rule(
    "unknown-chart",
    "D-034",
    Severity::Warning,
    "What a chart writes is known of the releases whose templates were read.",
);
const DRIVER: Rule = rule(
    "unknown-driver",
    "D-042",
    Severity::Warning,
    "What a driver reads is known of the releases whose source was read; 1.4.0 is the one to pin.",
);

pub(super) const RULES: [Rule; 8] = [
    CHART,
    DRIVER,
    rule(
        "unserved-read",
        "D-042",
        Severity::Broken,
        "The driver reads a kind at a version that the management cluster of this chart does not serve.",
    ),
    rule(
        "unreadable-override",
        "D-042",
        Severity::Broken,
        "An api_resources that does not parse stops the driver from being imported.",
    ),
    rule(
        "moved-read",
        "D-042",
        Severity::Broken,
        "api_resources changes the path only: the driver still reads the fields of v1beta1.",
    ),
    rule(
        "ignored-override",
        "D-042",
        Severity::Warning,
        "The driver ignores entries of api_resources that it has no class for.",
    ),
    rule(
        "unsafe-delete",
        "D-042",
        Severity::Broken,
        "A delete would report success and leave the cluster running.",
    ),
    rule(
        "template-chart",
        "D-034",
        Severity::Warning,
        "The label of a template takes the place of the site's chart.",
    ),
];

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let site = &input.placed.site;
    let (Some(_), Some(_)) = (&site.driver, &site.chart) else { return Vec::new() };
    let setup = match setup(site) {
        Ok(setup) => setup,
        Err(failure) => return vec![unknown_driver(input, &failure.message)],
    };
    let apis = setup.chart.as_ref().and_then(Dependencies::of);
    let Some(Ok(apis)) = apis.map(apis_of_dependencies) else { return vec![unknown_chart(input)] };
    let mut found: Vec<LintFinding> = judged(&apis, &setup)
        .into_iter()
        .filter(|finding| coherence::Rule::of(finding) != Some(coherence::Rule::TemplateChart))
        .map(|finding| input.at(&place(&finding), finding))
        .collect();
    found.extend(other_charts(input, &apis, &setup));
    found
}

/// Returns what is found of the rules above: the others are about a cluster, and a chart writes nothing that the
/// versions of its own dependencies.json do not serve.
fn judged(apis: &ServedApis, setup: &CoherenceInputs) -> Vec<Finding> {
    let all = check_coherence(apis, setup).findings.into_iter();
    all.filter(|finding| RULES.iter().any(|rule| rule.id == finding.rule)).collect()
}

fn place(finding: &Finding) -> [&'static str; 2] {
    match finding.subject.noun.as_str() {
        "option" => ["capi_helm", "api_resources"],
        "chart" => ["chart", "version"],
        _ => ["driver", "version"],
    }
}

/// A label of a template that names another chart.
fn other_charts(input: &Input<'_>, apis: &ServedApis, setup: &CoherenceInputs) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for (name, spec) in &input.placed.site.template {
        if !spec.labels.contains_key(CHART_VERSION) {
            continue;
        }
        let template = TemplateFacts {
            name: name.clone(),
            coe: "kubernetes".to_owned(),
            server_type: "vm".to_owned(),
            network_driver: Some("calico".to_owned()),
            labels: spec.labels.clone(),
            ..TemplateFacts::default()
        };
        let setup = CoherenceInputs { templates: vec![template], ..setup.clone() };
        let at = ["template", name, "labels", CHART_VERSION];
        let charts = judged(apis, &setup).into_iter();
        found.extend(
            charts
                .filter(|one| coherence::Rule::of(one) == Some(coherence::Rule::TemplateChart))
                .map(|finding| input.at(&at, finding)),
        );
    }
    found
}

fn unknown_chart(input: &Input<'_>) -> LintFinding {
    let chart = input.chart().unwrap_or_default();
    let summary = format!(
        "chart {chart} is not one of the releases that omega knows: whether driver and chart fit is not checked"
    );
    let remedy = "pin a release of capi-helm-charts, or check it: omega-cli check-coherence --dependencies FILE";
    let position = input.placed.places.nearest(&["chart", "version"]);
    CHART.found(position, Subject::new("chart", chart), summary, remedy).severity(Severity::Unknown)
}

fn unknown_driver(input: &Input<'_>, why: &str) -> LintFinding {
    let release = SiteSpec::new(&input.placed.site).release();
    let release = release.map(|release| release.to_string()).unwrap_or_default();
    let position = input.placed.places.nearest(&["driver", "version"]);
    let subject = Subject::new("driver", release);
    DRIVER.found(position, subject, why, "pin 1.4.0").severity(Severity::Unknown)
}
