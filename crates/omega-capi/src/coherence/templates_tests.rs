use std::fmt::Write as _;

use semver::Version;

use super::{TemplateFacts, findings};
use crate::{coherence::Rule, served::apis_of_releases};
use omega_core::{Evidence, Finding, Severity};
use omega_driver::DriverRelease;

fn template(name: &str, network_driver: Option<&str>, clusters: usize) -> TemplateFacts {
    TemplateFacts {
        name: name.into(),
        coe: "kubernetes".into(),
        server_type: "vm".into(),
        distro: Some("ubuntu".into()),
        network_driver: network_driver.map(Into::into),
        labels: [].into(),
        clusters,
    }
}

fn labelled(name: &str, labels: &[(&str, &str)]) -> TemplateFacts {
    let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    TemplateFacts { labels, ..template(name, Some("calico"), 0) }
}

fn asked(driver: &DriverRelease, chart: &str, templates: &[TemplateFacts]) -> Vec<Finding> {
    let version = |text: &str| Version::parse(text).unwrap();
    let surface = apis_of_releases(&version("1.13.2"), &version("0.14.4")).unwrap();
    findings(&surface, driver, &version(chart), templates)
}

fn said(findings: &[Finding]) -> String {
    let mut table = String::new();
    for finding in findings {
        let (rule, severity) = (Rule::of(finding).unwrap(), finding.severity);
        let (what, decision) = (&finding.summary, finding.decision.as_deref().unwrap());
        let (remedy, evidence) =
            (finding.remedy.as_deref().unwrap(), Evidence::line(&finding.evidence));
        writeln!(table, "{severity:?} {rule:?} {decision}: {what}").unwrap();
        writeln!(table, "    {evidence}\n    -> {remedy}").unwrap();
    }
    table
}

#[test]
fn flannel_in_use_is_broken_and_flannel_unused_a_warning() {
    let severity = |driver, network_driver, clusters| {
        let found = asked(&driver, "0.25.1", &[template("a", network_driver, clusters)]);
        let cni = found.iter().find(|finding| Rule::of(finding) == Some(Rule::TemplateWithoutCni));
        cni.map(|finding| finding.severity)
    };
    for good in [None, Some(""), Some("calico"), Some("cilium")] {
        assert_eq!(severity(DriverRelease::v1_4_0(), good, 3), None, "{good:?}");
    }
    for bad in ["flannel", "Calico", "weave"] {
        assert_eq!(
            severity(DriverRelease::v1_4_0(), Some(bad), 1),
            Some(Severity::Broken),
            "{bad}"
        );
        assert_eq!(
            severity(DriverRelease::v1_4_0(), Some(bad), 0),
            Some(Severity::Warning),
            "{bad}"
        );
        // It does not send the driver, so its clusters have the chart's default.
        assert_eq!(
            severity(DriverRelease::v1_3_0(), Some(bad), 1),
            Some(Severity::Warning),
            "{bad}"
        );
    }
}

#[test]
fn another_drivers_template_may_say_flannel() {
    let flannel = || template("a", Some("flannel"), 2);
    let others = [
        TemplateFacts { distro: Some("fedora-coreos".into()), ..flannel() },
        TemplateFacts { coe: "swarm".into(), ..flannel() },
        TemplateFacts { server_type: "bm".into(), ..flannel() },
    ];
    let without = |templates: &[TemplateFacts]| {
        let all = asked(&DriverRelease::v1_4_0(), "0.23.0", templates);
        all.iter().filter(|finding| Rule::of(finding) == Some(Rule::TemplateWithoutCni)).count()
    };
    assert_eq!(without(&others), 0);
    let ours = [
        TemplateFacts { distro: Some("flatcar".into()), ..flannel() },
        TemplateFacts { distro: None, ..flannel() },
    ];
    assert_eq!(without(&ours), 2);
}

#[test]
fn allowed_cidrs_are_ignored_from_0_24_0_on() {
    let ignored = |chart: &str, labels: &[(&str, &str)]| {
        asked(&DriverRelease::v1_4_0(), chart, &[labelled("a", labels)])
            .iter()
            .any(|f| Rule::of(f) == Some(Rule::IgnoredLabel) && f.severity == Severity::Warning)
    };
    let asks = ("api_master_lb_allowed_cidrs", "10.0.0.0/8");
    assert!(!ignored("0.23.0", &[asks]));
    assert!(ignored("0.24.0", &[asks]));
    assert!(ignored("0.25.1", &[asks]));
    assert!(!ignored("0.25.1", &[("api_master_lb_allowed_cidrs", "")]));
    assert!(!ignored("0.25.1", &[("master_lb_allowed_cidrs", "10.0.0.0/8")]));
    let own = |chart| ("capi_helm_chart_version", chart);
    assert!(!ignored("0.25.1", &[asks, own("0.23.0")]), "the template's own chart counts");
    assert!(ignored("0.23.0", &[asks, own("0.24.1")]));
}

#[test]
fn the_ignored_label_is_announced_once_where_nobody_asks_for_it() {
    let notes = |chart: &str, templates: &[TemplateFacts]| {
        let all = asked(&DriverRelease::v1_4_0(), chart, templates);
        all.iter()
            .filter(|f| Rule::of(f) == Some(Rule::IgnoredLabel))
            .map(|f| f.severity)
            .collect::<Vec<_>>()
    };
    assert_eq!(notes("0.23.0", &[]), []);
    assert_eq!(notes("0.24.0", &[]), [Severity::Note]);
    let asks = labelled("a", &[("api_master_lb_allowed_cidrs", "10.0.0.0/8")]);
    assert_eq!(notes("0.24.0", &[asks]), [Severity::Warning]);
}

#[test]
fn everything_as_it_is_said() {
    let templates = [
        template("old", Some("flannel"), 2),
        template("unused", Some("flannel"), 0),
        labelled("restricted", &[("api_master_lb_allowed_cidrs", "10.0.0.0/8")]),
        labelled("pinned", &[("capi_helm_chart_version", "0.10.1")]),
        labelled("pinned-too", &[("capi_helm_chart_version", "0.10.1")]),
        labelled("range", &[("capi_helm_chart_version", "0.25")]),
        labelled("same", &[("capi_helm_chart_version", "0.25.1")]),
        labelled("next", &[("capi_helm_chart_version", "0.28.0")]),
        labelled("fedora's", &[("kube_tag", "v1.34"), ("extra_network_names", "a")]),
    ];
    insta::assert_snapshot!(
        "templates_1_4_0",
        said(&asked(&DriverRelease::v1_4_0(), "0.25.1", &templates))
    );
    insta::assert_snapshot!(
        "templates_1_3_0",
        said(&asked(&DriverRelease::v1_3_0(), "0.25.1", &templates))
    );
}
