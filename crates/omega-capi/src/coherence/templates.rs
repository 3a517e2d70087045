use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    coherence::{Rule, compatibility::unserved_writes},
    constellation::dependencies::version,
    served::ServedApis,
};
use omega_core::{Evidence, Finding, Severity, Subject};
use omega_driver::DriverRelease;
use omega_driver::labels::CHART_VERSION;
use omega_driver::requirements::provides;
use omega_driver::template::{ignored_label, open_to_all, would_be_open_to_all};

/// The network plugins of the charts (all tags: `charts/cluster-addons/templates/cni`). With any
/// other value they install none, without an error.
const PLUGINS: [&str; 2] = ["calico", "cilium"];

/// The parts of a Magnum cluster template that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFacts {
    /// Its name, or its id if it has none.
    pub name: String,
    /// `kubernetes`.
    pub coe: String,
    /// `vm` or `bm`.
    pub server_type: String,
    /// Its image's `os_distro`.
    pub distro: Option<String>,
    /// `calico`; Magnum's default is `flannel`.
    pub network_driver: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many clusters use it.
    pub clusters: usize,
}

impl TemplateFacts {
    /// Returns whether the driver manages its clusters.
    pub fn ours(&self) -> bool {
        provides(&self.coe, &self.server_type, self.distro.as_deref())
    }
}

/// Returns what does not work for clusters of `templates`; `chart` is the site's.
pub(crate) fn findings(
    apis: &ServedApis,
    driver: &DriverRelease,
    chart: &Version,
    templates: &[TemplateFacts],
) -> Vec<Finding> {
    let ours: Vec<&TemplateFacts> = templates.iter().filter(|template| template.ours()).collect();
    let mut all: Vec<Finding> =
        ours.iter().filter_map(|template| without_cni(driver, template)).collect();
    all.extend(other_charts(apis, chart, &ours));
    let open = ours.iter().filter_map(|one| open_to_all(chart, &one.name, &one.labels));
    let open: Vec<Finding> = open.collect();
    all.extend(open.is_empty().then(|| would_be_open_to_all(chart)).flatten());
    all.extend(open);
    all.extend(unread_labels(driver, &ours));
    all
}

/// Returns that the charts have no network plugin of the template's name, if they have none.
pub fn without_cni(driver: &DriverRelease, template: &TemplateFacts) -> Option<Finding> {
    let TemplateFacts { name, clusters, network_driver, .. } = template;
    let plugin = network_driver.as_deref().filter(|plugin| !plugin.is_empty())?;
    if PLUGINS.contains(&plugin) {
        return None;
    }
    let sends = driver.sends_network_driver();
    let outcome = match (sends, clusters) {
        (true, 0) => "a new cluster gets no network, and its nodes never become Ready",
        (true, _) => {
            "its clusters lose their network at the next resize or upgrade, and new ones get none"
        }
        (false, 0) => {
            "this driver ignores it, but 1.4.0 does not: then a new cluster gets no network"
        }
        (false, _) => {
            "this driver ignores it, but 1.4.0 does not: then its clusters lose their network at \
             the next resize or upgrade"
        }
    };
    let severity = if sends && *clusters > 0 { Severity::Broken } else { Severity::Warning };
    let remedy = if *clusters == 0 {
        format!(
            "set its network driver to calico: omega-cli ensure-cluster-template --name {name}, or openstack coe \
             cluster template update {name} replace network_driver=calico (python-magnumclient 5: \
             --network-driver calico)"
        )
    } else {
        format!(
            "it can't be changed while clusters use it: create one with --network-driver calico, \
             and move each cluster to it with `openstack coe cluster upgrade`; until then neither \
             resize nor upgrade them with {name}"
        )
    };
    let what = format!(
        "template {name} has network driver {plugin}, which the charts do not have: {outcome}"
    );
    let finding = Rule::TemplateWithoutCni.finding(severity, subject(name), what);
    let evidence = [
        Evidence::count("clusters that use it", *clusters),
        Evidence::list("the charts have", PLUGINS),
        Evidence::text("driver 1.4.0 sends it as", "addons.cni.type"),
    ];
    Some(finding.shown_by(evidence).remedy(remedy))
}

/// A template's label for the chart overrides the site's chart.
fn other_charts(apis: &ServedApis, chart: &Version, templates: &[&TemplateFacts]) -> Vec<Finding> {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for template in templates {
        if let Some(label) = template.labels.get(CHART_VERSION) {
            named.entry(label).or_default().push(&template.name);
        }
    }
    named.into_iter().flat_map(|(label, names)| other_chart(apis, chart, label, &names)).collect()
}

fn other_chart(apis: &ServedApis, chart: &Version, label: &str, names: &[&str]) -> Vec<Finding> {
    let list = names.join(", ");
    let warning = |what: String| {
        let subject = subject(&list);
        let finding = Rule::TemplateChart.finding(Severity::Warning, subject, what);
        let evidence = Evidence::text(&format!("label {CHART_VERSION}"), label);
        finding.shown_by([evidence]).remedy(format!(
            "create a template without the label (one in use can't be changed): the site's chart \
             is {chart}"
        ))
    };
    let Some(own) = version(label) else {
        let what = "has no exact chart version: helm selects one that matches, or fails";
        return vec![warning(format!("template {list} {what}"))];
    };
    if own == *chart {
        return Vec::new();
    }
    let breaks = unserved_writes(&apis.served, &own).into_iter();
    let breaks = breaks.map(|other| {
        let what = format!("template {list} uses its own chart: {}", other.summary);
        warning(what).shown_by(other.evidence)
    });
    let breaks: Vec<Finding> = breaks.collect();
    if !breaks.is_empty() {
        return breaks;
    }
    let what = format!("template {list} uses chart {own} instead of the site's chart {chart}");
    vec![warning(what).severity(Severity::Note)]
}

fn unread_labels(driver: &DriverRelease, templates: &[&TemplateFacts]) -> Vec<Finding> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for template in templates {
        for label in template.labels.keys() {
            names.entry(label).or_default().insert(&template.name);
        }
    }
    let finding = |(label, names)| {
        Some(ignored_label(driver, label)?.shown_by([Evidence::list("templates:", names)]))
    };
    names.into_iter().filter_map(finding).collect()
}

fn subject(template: &str) -> Subject {
    Subject::new("template", template)
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
