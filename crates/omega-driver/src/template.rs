//! What in a cluster template has no effect with the driver or the chart, or another one than it
//! seems to have.
//!
//! A field or a label that is ignored is ignored without a word. Source: `driver.py` in the packages
//! of 1.1.0, 1.2.1, 1.3.0 and 1.4.0. Of a template they read the image, the external network, the
//! DNS servers and the labels, 1.4.0 also the network driver; and of the cluster what Magnum copies
//! from its template: key pair, flavors, fixed network and subnet.

use std::collections::BTreeMap;

use omega_core::{CheckRule, Evidence, Finding, Severity, Subject};
use semver::Version;

use crate::{
    DriverRelease,
    labels::{ALLOWED_CIDRS, CHART_VERSION, first_to_read, nearest_label, read_instead_of},
};

/// The rule of a label without effect.
pub const IGNORED_LABEL: CheckRule = CheckRule::new("ignored-label", &["D-036", "L-P6-3"]);
/// The rule of a field without effect.
pub const IGNORED_FIELD: CheckRule = CheckRule::new("ignored-field", &["D-036"]);
/// The rule of the label `auto_healing_enabled`.
pub const AUTO_HEALING: CheckRule = CheckRule::new("auto-healing", &["D-042", "D-041"]);
/// The rule of the label `keystone_auth_enabled`.
pub const KEYSTONE_AUTH: CheckRule = CheckRule::new("keystone-auth", &["D-029"]);

/// The rules of templates.
pub const RULES: [CheckRule; 4] = [IGNORED_LABEL, IGNORED_FIELD, AUTO_HEALING, KEYSTONE_AUTH];

const DRIVER: &str = "magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py";
/// The first chart that reads `allowedCIDRs` (0.25.1, `cluster-openstack.yaml:72`). The driver sends
/// `apiServer.allowedCidrs` (1.4.0, `driver.py:1201`, and in all releases).
const READS_ELSEWHERE: Version = Version::new(0, 24, 0);
const DIFFERENT_KEYS: &str = "the driver sends apiServer.allowedCidrs, and charts since 0.24.0 \
                              read apiServer.allowedCIDRs";
const BY_HAND: &str = "don't rely on the label: restrict access on the load balancer's listener or \
                       in the network";

/// Returns findings about a template: labels and fields without effect, and labels that contradict a
/// decision.
///
/// `chart`: the site's version of the chart, if it is known. `fields`: the names of the fields that
/// are set to something else than Magnum's default.
pub fn findings(
    driver: &DriverRelease,
    chart: Option<&str>,
    template: &str,
    labels: &BTreeMap<String, String>,
    fields: &[&str],
) -> Vec<Finding> {
    let chart = chart.and_then(version);
    let ignored = labels.keys().filter_map(|label| ignored_label(driver, label));
    let fields = fields.iter().filter_map(|field| ignored_field(driver, template, field));
    let mut all: Vec<Finding> = [auto_healing(template, labels), keystone_auth(template, labels)]
        .into_iter()
        .flatten()
        .chain(chart.and_then(|chart| open_to_all(&chart, template, labels)))
        .chain(ignored)
        .chain(fields)
        .collect();
    all.sort_by_key(|finding| finding.severity);
    all
}

/// Returns that `driver` ignores the label, if it does.
pub fn ignored_label(driver: &DriverRelease, label: &str) -> Option<Finding> {
    let remedy = match (first_to_read(label), read_instead_of(label)) {
        _ if driver.reads_label(label) => return None,
        (Some(first), _) => format!("pin {first}, the first release that reads it"),
        (None, Some(what)) => format!("set {what} instead, and remove the label"),
        (None, None) => match nearest_label(label) {
            Some(near) => format!("did you mean {near}?"),
            None => "remove it, or check its spelling".to_owned(),
        },
    };
    let what = format!("driver {driver} ignores the label {label}");
    let subject = Subject::new("label", label);
    Some(found(IGNORED_LABEL, Severity::Note, subject, what).remedy(remedy))
}

/// Returns that the chart ignores the template's label [`ALLOWED_CIDRS`], if it has it and the chart
/// does. A chart that the template names takes the place of `chart`.
pub fn open_to_all(
    chart: &Version,
    template: &str,
    labels: &BTreeMap<String, String>,
) -> Option<Finding> {
    let asked = labels.get(ALLOWED_CIDRS).filter(|value| !value.is_empty())?;
    let own = labels.get(CHART_VERSION).and_then(|label| version(label));
    let chart = own.as_ref().unwrap_or(chart);
    (*chart >= READS_ELSEWHERE).then(|| {
        let what = format!(
            "chart {chart} ignores {ALLOWED_CIDRS} of template {template}: the API servers of its \
             clusters are open to any address"
        );
        let evidence = [Evidence::text("the label is", asked), Evidence::holds(DIFFERENT_KEYS)];
        let finding = found(IGNORED_LABEL, Severity::Warning, subject(template), what);
        finding.shown_by(evidence).remedy(BY_HAND)
    })
}

/// Returns that the chart would ignore the label [`ALLOWED_CIDRS`], before a template has it.
pub fn would_be_open_to_all(chart: &Version) -> Option<Finding> {
    (*chart >= READS_ELSEWHERE).then(|| {
        let what = format!(
            "chart {chart} ignores the label {ALLOWED_CIDRS}: the API servers of all clusters are \
             open to any address"
        );
        let subject = Subject::new("chart", chart.to_string());
        let finding = found(IGNORED_LABEL, Severity::Note, subject, what);
        finding.shown_by([Evidence::holds(DIFFERENT_KEYS)]).remedy(BY_HAND)
    })
}

/// The driver's `_get_autoheal_enabled` (1.4.0, `driver.py:702`): the chart's `healthCheck`, which is
/// on by default.
fn auto_healing(template: &str, labels: &BTreeMap<String, String>) -> Option<Finding> {
    let label = "auto_healing_enabled";
    let value = labels.get(label)?;
    let (severity, what, remedy) = match is_true(value) {
        Some(true) => (
            Severity::Note,
            "it turns on Cluster API's MachineHealthCheck, which is the default; nothing is healed \
             by Magnum's health_status",
            "leave it out",
        ),
        Some(false) => (
            Severity::Warning,
            "it turns off Cluster API's MachineHealthCheck, on which D-042 relies: a machine that \
             fails is not replaced",
            "leave it out, unless machines are replaced by hand",
        ),
        None => (
            Severity::Warning,
            "it is neither true nor false, so the driver uses its default, which is on",
            "leave it out, or write true or false",
        ),
    };
    let what = format!("template {template} has {label}={value}: {what}");
    Some(found(AUTO_HEALING, severity, subject(template), what).remedy(remedy))
}

/// The driver's `_get_k8s_keystone_auth_enabled` (1.4.0, `driver.py:728`): off by default.
fn keystone_auth(template: &str, labels: &BTreeMap<String, String>) -> Option<Finding> {
    let label = "keystone_auth_enabled";
    labels.get(label).filter(|value| is_true(value) == Some(true))?;
    let what = format!(
        "template {template} has {label}=true: k8s-keystone-auth 1.5.1 can't trust a Keystone with \
         a private CA, so no login by Keystone works and the API server logs errors of its webhook"
    );
    let finding = found(KEYSTONE_AUTH, Severity::Warning, subject(template), what);
    Some(finding.remedy("leave it out while Keystone's certificate is of a private CA"))
}

/// As `oslo_utils.strutils.bool_from_string` reads it.
fn is_true(value: &str) -> Option<bool> {
    match value.trim().to_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Returns that `driver` ignores the template's field, if it does.
fn ignored_field(driver: &DriverRelease, template: &str, field: &str) -> Option<Finding> {
    let (what, remedy) = match field {
        "master_lb_enabled" => (
            "the Kubernetes API always gets a load balancer",
            "keep it for clusters with more than one control-plane machine, which Magnum refuses \
             without it",
        ),
        "floating_ip_enabled" => (
            "a label decides whether the Kubernetes API gets a floating IP, and nodes get none",
            "leave it out; use the label master_lb_floating_ip_enabled",
        ),
        "tls_disabled" => (
            "TLS stays on, and `openstack coe cluster config` writes a kubeconfig without \
             certificates, which does not work",
            "leave it out",
        ),
        "volume_driver" => ("the chart always installs Cinder's CSI driver", "leave it out"),
        "docker_volume_size" => (
            "nodes have no volume for Docker",
            "leave it out; the label boot_volume_size sets the size of a node's disk",
        ),
        "docker_storage_driver" => ("nodes run containerd", "leave it out"),
        _ => return None,
    };
    let severity = if field == "tls_disabled" { Severity::Warning } else { Severity::Note };
    let what = format!("driver {driver} ignores {field} of template {template}: {what}");
    let finding = found(IGNORED_FIELD, severity, subject(template), what);
    Some(finding.remedy(remedy))
}

/// Reads a version with or without its `v`.
fn version(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

fn found(rule: CheckRule, severity: Severity, subject: Subject, what: String) -> Finding {
    rule.finding(subject, what).severity(severity).source(DRIVER)
}

fn subject(template: &str) -> Subject {
    Subject::new("template", template)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn said(driver: &str, chart: Option<&str>, labels: &[(&str, &str)], fields: &[&str]) -> String {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let driver = driver.parse().unwrap();
        let all = findings(&driver, chart, "t", &labels.collect(), fields);
        let mut text = String::new();
        for Finding { rule, severity, summary, decision, remedy, .. } in all {
            let (decision, remedy) = (decision.unwrap(), remedy.unwrap());
            writeln!(text, "{severity:?} {rule} {decision}: {summary}\n  -> {remedy}").unwrap();
        }
        text
    }

    #[test]
    fn what_has_no_effect_or_another_one_is_named() {
        let labels = [
            ("fixed_subnet_cidr", "10.20.16.0/24"),
            ("kube_tag", "v1.34.8"),
            ("extra_network_names", "storage"),
            ("octavia_providr", "ovn"),
            (ALLOWED_CIDRS, "10.0.0.0/8"),
            ("auto_healing_enabled", "false"),
            ("keystone_auth_enabled", "True"),
        ];
        let fields = [
            "image_id",
            "master_lb_enabled",
            "floating_ip_enabled",
            "tls_disabled",
            "volume_driver",
            "docker_volume_size",
            "docker_storage_driver",
            "public",
        ];
        insta::assert_snapshot!(said("1.3.0", Some("0.25.1"), &labels, &fields));
    }

    #[test]
    fn what_is_read_or_is_the_default_is_not_named() {
        let labels = [
            ("fixed_subnet_cidr", "10.20.16.0/24"),
            ("extra_network_names", "storage"),
            ("keystone_auth_enabled", "false"),
        ];
        assert_eq!(said("1.4.0", Some("0.25.1"), &labels, &["image_id", "fixed_network"]), "");
        let asks = [(ALLOWED_CIDRS, "10.0.0.0/8")];
        assert_eq!(said("1.4.0", Some("0.23.0"), &asks, &[]), "");
        assert_eq!(said("1.4.0", None, &asks, &[]), "", "the chart is not known");
        let own = [asks[0], (CHART_VERSION, "0.24.1")];
        assert!(said("1.4.0", Some("0.23.0"), &own, &[]).contains("chart 0.24.1 ignores"));
        let healing = |value| said("1.4.0", None, &[("auto_healing_enabled", value)], &[]);
        assert!(healing("yes").starts_with("Note auto-healing D-042"));
        assert!(healing("maybe").starts_with("Warning auto-healing D-042"));
    }
}
