//! The object of the Prometheus operator that has the alerts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{
    AlertGroup, ExportOptions,
    name::PREFIX,
    object::{labels, metadata},
};

/// A `PrometheusRule` (prometheus-operator, `monitoring.coreos.com/v1`). The Kubernetes API has no type of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PrometheusRule {
    /// `monitoring.coreos.com/v1`.
    pub api_version: String,
    /// `PrometheusRule`.
    pub kind: String,
    /// Its name, namespace and labels.
    pub metadata: ObjectMeta,
    /// The groups.
    pub spec: PrometheusRuleSpec,
}

/// The groups of rules: also the content of a rules file of Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PrometheusRuleSpec {
    /// The groups.
    pub groups: Vec<AlertGroup>,
}

impl PrometheusRuleSpec {
    pub(super) fn new(groups: Vec<AlertGroup>) -> Self {
        Self { groups }
    }
}

pub(super) fn prometheus_rule(options: &ExportOptions, spec: PrometheusRuleSpec) -> PrometheusRule {
    let mut all = labels(None);
    all.extend(options.rule_labels.clone());
    PrometheusRule {
        api_version: "monitoring.coreos.com/v1".to_owned(),
        kind: "PrometheusRule".to_owned(),
        metadata: metadata(PREFIX, &options.namespace, all),
        spec,
    }
}
