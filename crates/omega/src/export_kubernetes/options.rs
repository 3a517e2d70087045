//! How sites are exported.

use std::collections::BTreeMap;

use omega_capi::Namespace;
use omega_core::{Failure, FailureClass};

use super::{Image, Schedule};

/// How sites are exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The image of omega-cli.
    pub image: Image,
    /// The namespace of the objects. It is written too, with the labels of pod security.
    pub namespace: Namespace,
    /// When the sites are looked at.
    pub schedule: Schedule,
    /// One Job for each site, which looks once, instead of a `CronJob`.
    pub once: bool,
    /// Rules and sources that are not looked at, by name, as `drift --skip` has them.
    pub skip: Vec<String>,
    /// The storage class of the volumes for the baselines; the cluster's default if none.
    pub storage_class: Option<String>,
    /// Labels of the `PrometheusRule`, by which a Prometheus selects it.
    pub rule_labels: BTreeMap<String, String>,
    /// Whether the alerts are an object of the Prometheus operator.
    pub rule_object: bool,
}

impl ExportOptions {
    /// Returns the options for a `CronJob` of each site, with a `PrometheusRule`.
    pub fn new(image: Image, namespace: Namespace, schedule: Schedule) -> Self {
        Self {
            image,
            namespace,
            schedule,
            once: false,
            skip: Vec::new(),
            storage_class: None,
            rule_labels: BTreeMap::new(),
            rule_object: true,
        }
    }

    /// Checks that the namespace can be one of its own, and the labels.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let name = self.namespace.as_str();
        if name == "default" || name.starts_with("kube-") {
            let what = format!("nothing is exported to the namespace {name}");
            let why = "the export sets the namespace's pod security, which others there depend on";
            let failure = Failure::new(FailureClass::Usage, what).because(why);
            return Err(failure.next("name another one: --namespace omega"));
        }
        let odd = self.rule_labels.iter().find(|(key, value)| !is_key(key) || !is_value(value));
        let Some((key, value)) = odd else { return Ok(()) };
        let what = format!("{key}={value} is not a label of Kubernetes");
        Err(Failure::new(FailureClass::Usage, what).next("write --rule-label release=prometheus"))
    }
}

fn is_value(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(inside)
        && ends(text.chars().next())
        && ends(text.chars().last())
}

fn is_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    !name.is_empty()
        && is_value(name)
        && prefix.is_none_or(|prefix| prefix.parse::<omega_capi::ObjectName>().is_ok())
}
