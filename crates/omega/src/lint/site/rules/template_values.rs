//! What in the templates of the site file has no effect, or departs from a decision: the judgement of
//! `ensure-cluster-template`, at each value.

use std::collections::BTreeMap;

use omega_driver::{
    DriverRelease,
    labels::{ALLOWED_CIDRS, CHART_VERSION},
    template::{AUTO_HEALING, KEYSTONE_AUTH, findings},
};
use omega_openstack::container_infra::TemplateSpec;

use super::super::super::template_rules;
use super::{Input, LintFinding, Rule};

pub(super) const RULES: [Rule; 4] = template_rules::RULES;

type Labels = BTreeMap<String, String>;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let Some(driver) = &input.driver else { return Vec::new() };
    let site = &input.placed.site;
    let mut found = Vec::new();
    for (name, spec) in &site.template {
        found.extend(of_labels(input, driver, name, &["template", name, "labels"], &spec.labels));
        found.extend(of_fields(input, driver, name, spec));
    }
    if let Some(prove) = &site.prove {
        found.extend(of_labels(input, driver, "[prove]", &["prove", "labels"], &prove.labels));
    }
    let acceptance = site.acceptance();
    if let Some(new) = &acceptance.create_cluster {
        let (name, keys) =
            ("[acceptance.create_cluster]", ["acceptance", "create_cluster", "labels"]);
        found.extend(of_labels(input, driver, name, &keys, &new.labels));
    }
    // Options that the driver does not have are mistakes of the site file.
    let (name, labels) = ("[capi_helm_cluster_labels]", &site.capi_helm_cluster_labels);
    let defaults =
        of_labels(input, driver, name, &["capi_helm_cluster_labels"], labels).into_iter();
    found.extend(defaults.filter(|one| {
        [AUTO_HEALING.name, KEYSTONE_AUTH.name].contains(&one.finding.rule.as_str())
    }));
    found
}

/// Judges one label after another, so that each finding has its place.
fn of_labels(
    input: &Input<'_>,
    driver: &DriverRelease,
    name: &str,
    keys: &[&str],
    labels: &Labels,
) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for (label, value) in labels {
        let mut alone: Labels = [(label.clone(), value.clone())].into();
        if let (ALLOWED_CIDRS, Some(chart)) = (label.as_str(), labels.get(CHART_VERSION)) {
            // The template's own chart decides whether it is read.
            alone.insert(CHART_VERSION.to_owned(), chart.clone());
        }
        let at: Vec<&str> = keys.iter().copied().chain([label.as_str()]).collect();
        let all = findings(driver, input.chart(), name, &alone, &[]);
        found.extend(all.into_iter().map(|finding| input.at(&at, finding)));
    }
    found
}

fn of_fields(
    input: &Input<'_>,
    driver: &DriverRelease,
    name: &str,
    spec: &TemplateSpec,
) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for field in spec.fields_set() {
        let all = findings(driver, input.chart(), name, &Labels::new(), &[field]);
        found.extend(all.into_iter().map(|finding| input.at(&["template", name, field], finding)));
    }
    found
}
