//! What becomes of clusters that are made from a template.

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
use omega_driver::labels::{ALLOWED_CIDRS, CHART_VERSION, first_to_read, read_instead_of};
use omega_driver::requirements::provides;

/// What the charts have a network plugin for (all tags: `charts/cluster-addons/templates/cni`).
/// Anything else installs none, without an error.
const PLUGINS: [&str; 2] = ["calico", "cilium"];
/// The first chart that reads `allowedCIDRs`.
const READS_ELSEWHERE: Version = Version::new(0, 24, 0);
const DIFFERENT_KEYS: &str = "the driver sends apiServer.allowedCidrs, and charts from 0.24.0 on \
                              read apiServer.allowedCIDRs";
const BY_HAND: &str = "restrict the load balancer's listener by hand, or the network before it; \
                       don't rely on the label";

/// A cluster template of Magnum, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFacts {
    /// Its name, or its id where it has none.
    pub name: String,
    /// `kubernetes`.
    pub coe: String,
    /// `vm` or `bm`.
    pub server_type: String,
    /// Its image's `os_distro`.
    pub distro: Option<String>,
    /// `calico`; Magnum fills in `flannel` where nothing is said.
    pub network_driver: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many clusters use it.
    pub clusters: usize,
}

impl TemplateFacts {
    fn ours(&self) -> bool {
        provides(&self.coe, &self.server_type, self.distro.as_deref())
    }
}

/// Returns what does not fit for clusters of `templates`; `chart` is the site's.
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
    let open: Vec<Finding> = ours.iter().filter_map(|one| open_to_all(chart, one)).collect();
    all.extend(open.is_empty().then(|| to_be_known(chart)).flatten());
    all.extend(open);
    all.extend(unread_labels(driver, &ours));
    all
}

fn without_cni(driver: &DriverRelease, template: &TemplateFacts) -> Option<Finding> {
    let TemplateFacts { name, clusters, network_driver, .. } = template;
    let plugin = network_driver.as_deref().filter(|plugin| !plugin.is_empty())?;
    if PLUGINS.contains(&plugin) {
        return None;
    }
    let sends = driver.sends_network_driver();
    let outcome = match (sends, clusters) {
        (true, 0) => "a cluster made from it gets no network, and its nodes are never Ready",
        (true, _) => {
            "its clusters lose their network at the next resize or upgrade, and new ones get none"
        }
        (false, 0) => {
            "this driver ignores it, and 1.4.0 will not: a cluster made from it then gets no network"
        }
        (false, _) => {
            "this driver ignores it, and 1.4.0 will not: its clusters will then lose their network \
             at the next resize or upgrade"
        }
    };
    let severity = if sends && *clusters > 0 { Severity::Broken } else { Severity::Warning };
    let remedy = if *clusters == 0 {
        format!("openstack coe cluster template update {name} replace network_driver=calico")
    } else {
        format!(
            "it can't be changed while clusters use it: make one with --network-driver calico, and \
             move each cluster to it with `openstack coe cluster upgrade`; until then neither \
             resize nor upgrade them with {name}"
        )
    };
    let what = format!(
        "template {name} says network driver {plugin}, and the charts have none: {outcome}"
    );
    let finding = Rule::TemplateWithoutCni.finding(severity, "D-031", subject(name), what);
    let evidence = [
        Evidence::count("clusters that use it", *clusters),
        Evidence::list("the charts have", PLUGINS),
        Evidence::text("driver 1.4.0 sends it as", "addons.cni.type"),
    ];
    Some(finding.shown_by(evidence).remedy(remedy))
}

/// A template's own chart takes the place of the site's.
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
        let finding = Rule::TemplateChart.finding(Severity::Warning, "D-034", subject, what);
        let evidence = Evidence::text(&format!("label {CHART_VERSION}"), label);
        finding.shown_by([evidence]).remedy(format!(
            "make a template without the label (one that is in use can't be changed): the site's \
             chart is {chart}"
        ))
    };
    let Some(own) = version(label) else {
        let what = "names no exact chart: helm picks one that fits, or finds none";
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
    let what = format!("template {list} uses chart {own}, and not the site's chart {chart}");
    vec![warning(what).severity(Severity::Note)]
}

/// Where no template asks for it, it is good to know before one does.
fn to_be_known(chart: &Version) -> Option<Finding> {
    (*chart >= READS_ELSEWHERE).then(|| {
        let what = format!(
            "chart {chart} ignores the label {ALLOWED_CIDRS}: the API servers of all clusters are \
             open to everybody"
        );
        let subject = Subject::new("chart", chart.to_string());
        let finding = Rule::IgnoredLabel.finding(Severity::Note, "D-036", subject, what);
        finding.shown_by([Evidence::holds(DIFFERENT_KEYS)]).remedy(BY_HAND)
    })
}

/// The driver sends `apiServer.allowedCidrs` (1.4.0, `driver.py:1201`, and in all releases); the
/// charts read `allowedCIDRs` from 0.24.0 on (0.25.1, `cluster-openstack.yaml:72`).
fn open_to_all(chart: &Version, template: &TemplateFacts) -> Option<Finding> {
    let TemplateFacts { name, labels, .. } = template;
    let asked = labels.get(ALLOWED_CIDRS).filter(|value| !value.is_empty())?;
    let own = labels.get(CHART_VERSION).and_then(|label| version(label));
    let chart = own.as_ref().unwrap_or(chart);
    (*chart >= READS_ELSEWHERE).then(|| {
        let what = format!(
            "chart {chart} ignores {ALLOWED_CIDRS} of template {name}: the API servers of its \
             clusters are open to everybody"
        );
        let finding = Rule::IgnoredLabel.finding(Severity::Warning, "D-036", subject(name), what);
        let evidence =
            [Evidence::text("the label asks for", asked), Evidence::holds(DIFFERENT_KEYS)];
        finding.shown_by(evidence).remedy(BY_HAND)
    })
}

fn unread_labels(driver: &DriverRelease, templates: &[&TemplateFacts]) -> Vec<Finding> {
    let mut unread: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for template in templates {
        for label in template.labels.keys() {
            if !driver.reads_label(label) {
                unread.entry(label).or_default().insert(&template.name);
            }
        }
    }
    let finding = |(label, names): (&str, BTreeSet<&str>)| {
        let what = format!("driver {driver} ignores the label {label}");
        let subject = Subject::new("label", label);
        let finding = Rule::IgnoredLabel.finding(Severity::Note, "D-036", subject, what);
        let remedy = match (first_to_read(label), read_instead_of(label)) {
            (Some(first), _) => format!("pin {first}, the first that reads it"),
            (None, Some(what)) => format!("{what} says it; leave the label out"),
            (None, None) => "leave it out, or see whether it is spelled right".to_owned(),
        };
        finding.shown_by([Evidence::list("templates:", names)]).remedy(remedy)
    };
    unread.into_iter().map(finding).collect()
}

fn subject(template: &str) -> Subject {
    Subject::new("template", template)
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
