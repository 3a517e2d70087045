//! What becomes of clusters that are made from a template.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    Driver, Finding, Rule, Severity, Surface, compatibility::unserved_writes,
    dependencies::version, driver_labels::first_to_read,
};

/// What the charts have a network plugin for (all tags: `charts/cluster-addons/templates/cni`).
/// Anything else installs none, without an error.
const PLUGINS: [&str; 2] = ["calico", "cilium"];
const ALLOWED_CIDRS: &str = "api_master_lb_allowed_cidrs";
const CHART: &str = "capi_helm_chart_version";
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
    /// Returns whether its clusters are this driver's: Kubernetes on virtual machines with Ubuntu
    /// or Flatcar (`driver.py`, `provides`, all releases). One whose system is not known counts.
    fn ours(&self) -> bool {
        let systems = ["ubuntu", "flatcar"];
        let system = self.distro.as_deref().is_none_or(|distro| systems.contains(&distro));
        self.coe == "kubernetes" && self.server_type == "vm" && system
    }
}

/// Returns what does not fit for clusters of `templates`; `chart` is the site's.
pub(crate) fn findings(
    surface: &Surface,
    driver: Driver,
    chart: &Version,
    templates: &[TemplateFacts],
) -> Vec<Finding> {
    let ours: Vec<&TemplateFacts> = templates.iter().filter(|template| template.ours()).collect();
    let mut all: Vec<Finding> =
        ours.iter().filter_map(|template| without_cni(driver, template)).collect();
    all.extend(other_charts(surface, chart, &ours));
    let open: Vec<Finding> = ours.iter().filter_map(|one| open_to_all(chart, one)).collect();
    all.extend(open.is_empty().then(|| to_be_known(chart)).flatten());
    all.extend(open);
    all.extend(unread_labels(driver, &ours));
    all
}

fn without_cni(driver: Driver, template: &TemplateFacts) -> Option<Finding> {
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
    Some(Finding {
        rule: Rule::TemplateWithoutCni,
        severity,
        what: format!(
            "template {name} says network driver {plugin}, and the charts have none: {outcome}"
        ),
        evidence: format!(
            "clusters that use it: {clusters}; the charts have {}; driver 1.4.0 sends it as \
             addons.cni.type",
            PLUGINS.join(" and ")
        ),
        decision: "D-031".to_owned(),
        remedy,
    })
}

/// A template's own chart takes the place of the site's.
fn other_charts(surface: &Surface, chart: &Version, templates: &[&TemplateFacts]) -> Vec<Finding> {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for template in templates {
        if let Some(label) = template.labels.get(CHART) {
            named.entry(label).or_default().push(&template.name);
        }
    }
    named
        .into_iter()
        .flat_map(|(label, names)| other_chart(surface, chart, label, &names))
        .collect()
}

fn other_chart(surface: &Surface, chart: &Version, label: &str, names: &[&str]) -> Vec<Finding> {
    let list = names.join(", ");
    let warning = |what: String, shown: &str| Finding {
        rule: Rule::TemplateChart,
        severity: Severity::Warning,
        what,
        evidence: format!("label {CHART}={label}{shown}"),
        decision: "D-034".to_owned(),
        remedy: format!(
            "make a template without the label (one that is in use can't be changed): the site's \
             chart is {chart}"
        ),
    };
    let Some(own) = version(label) else {
        let what = "names no exact chart: helm picks one that fits, or finds none";
        return vec![warning(format!("template {list} {what}"), "")];
    };
    if own == *chart {
        return Vec::new();
    }
    let breaks = unserved_writes(&surface.served, &own).into_iter();
    let breaks = breaks.map(|other| {
        let shown = format!("; {}", other.evidence);
        warning(format!("template {list} uses its own chart: {}", other.what), &shown)
    });
    let breaks: Vec<Finding> = breaks.collect();
    if !breaks.is_empty() {
        return breaks;
    }
    let what = format!("template {list} uses chart {own}, and not the site's chart {chart}");
    vec![Finding { severity: Severity::Note, ..warning(what, "") }]
}

/// Where no template asks for it, it is good to know before one does.
fn to_be_known(chart: &Version) -> Option<Finding> {
    (*chart >= READS_ELSEWHERE).then(|| Finding {
        rule: Rule::IgnoredLabel,
        severity: Severity::Note,
        what: format!(
            "chart {chart} ignores the label {ALLOWED_CIDRS}: the API servers of all clusters are \
             open to everybody"
        ),
        evidence: DIFFERENT_KEYS.to_owned(),
        decision: "D-036".to_owned(),
        remedy: BY_HAND.to_owned(),
    })
}

/// The driver sends `apiServer.allowedCidrs` (1.4.0, `driver.py:1201`, and in all releases); the
/// charts read `allowedCIDRs` from 0.24.0 on (0.25.1, `cluster-openstack.yaml:72`).
fn open_to_all(chart: &Version, template: &TemplateFacts) -> Option<Finding> {
    let TemplateFacts { name, labels, .. } = template;
    let asked = labels.get(ALLOWED_CIDRS).filter(|value| !value.is_empty())?;
    let own = labels.get(CHART).and_then(|label| version(label));
    let chart = own.as_ref().unwrap_or(chart);
    (*chart >= READS_ELSEWHERE).then(|| Finding {
        rule: Rule::IgnoredLabel,
        severity: Severity::Warning,
        what: format!(
            "chart {chart} ignores {ALLOWED_CIDRS} of template {name}: the API servers of its \
             clusters are open to everybody"
        ),
        evidence: format!("the label asks for {asked}; {DIFFERENT_KEYS}"),
        decision: "D-036".to_owned(),
        remedy: BY_HAND.to_owned(),
    })
}

fn unread_labels(driver: Driver, templates: &[&TemplateFacts]) -> Vec<Finding> {
    let mut unread: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for template in templates {
        for label in template.labels.keys() {
            if first_to_read(label).is_none_or(|first| first > driver) {
                unread.entry(label).or_default().insert(&template.name);
            }
        }
    }
    let finding = |(label, names): (&str, BTreeSet<&str>)| {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let from = first_to_read(label);
        Finding {
            rule: Rule::IgnoredLabel,
            severity: Severity::Note,
            what: format!("driver {driver} ignores the label {label}"),
            evidence: format!("templates: {names}"),
            decision: "D-036".to_owned(),
            remedy: match (from, label) {
                (Some(first), _) => format!("pin {first}, the first that reads it"),
                (None, "kube_tag") => {
                    "the image's property kube_version says the version; leave the label out".into()
                }
                (None, _) => "leave it out, or see whether it is spelled right".to_owned(),
            },
        }
    };
    unread.into_iter().map(finding).collect()
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
