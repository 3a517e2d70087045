//! A finding of the doctor: a finding of the core with its layer and cluster.

use omega_core::{Evidence, Finding, Severity, Subject};
use serde::{Deserialize, Serialize};

use super::{Cause, Layer};

/// A finding, with its layer and cluster.
///
/// It is stored as one flat object: the fields of [`Finding`] beside `layer`, `cluster` and
/// `cause`. `rule` and `cause` are the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerFinding {
    /// The layer.
    pub layer: Layer,
    /// The workload cluster, by its `stack_id`; none for a finding about the site.
    pub cluster: Option<String>,
    /// The finding's rule, as a type.
    pub cause: Cause,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
}

impl LayerFinding {
    /// Returns another check's finding as `cause` at `layer`. The check's own rule becomes evidence.
    pub(super) fn new(layer: Layer, cause: Cause, mut finding: Finding) -> Self {
        let rule = std::mem::replace(&mut finding.rule, cause.to_string());
        let other = Some(rule).filter(|rule| *rule != finding.rule);
        let finding = finding.shown_by(other.map(|rule| Evidence::text("rule", rule)));
        Self { layer, cluster: None, cause, finding }
    }

    /// Returns something that must be fixed.
    pub(super) fn broken(
        layer: Layer,
        cause: Cause,
        subject: Subject,
        summary: impl Into<String>,
    ) -> Self {
        Self::new(layer, cause, Finding::broken(&cause.to_string(), subject, summary))
    }

    /// Returns a check that could not be made, because of `why`.
    pub(super) fn unknown(layer: Layer, subject: Subject, why: impl Into<String>) -> Self {
        Self::broken(layer, Cause::Unclear, subject, why)
            .severity(Severity::Unknown)
            .remedy("fix the layers below, or use credentials with more rights")
    }

    pub(super) fn severity(self, severity: Severity) -> Self {
        Self { finding: self.finding.severity(severity), ..self }
    }

    pub(super) fn shown_by(self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        Self { finding: self.finding.shown_by(evidence), ..self }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { finding: self.finding.remedy(remedy), ..self }
    }

    pub(super) fn source(self, source: impl Into<String>) -> Self {
        Self { finding: self.finding.source(source), ..self }
    }

    pub(super) fn of_cluster(self, stack: &str) -> Self {
        Self { cluster: Some(stack.to_owned()), ..self }
    }

    /// Returns its position in the order of fixing.
    pub(super) fn depth(&self) -> (Cause, Layer) {
        self.cause.depth(self.layer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_stored_flat_and_its_rule_is_its_cause() {
        let subject = Subject::new("webhook", "capi-system/s");
        let found = Finding::broken("other-check", subject, "no pod is behind it")
            .shown_by([Evidence::count("pods", 0)])
            .remedy("look");
        let found = LayerFinding::new(Layer::Controllers, Cause::WebhookDown, found);
        let stored = serde_json::to_value(found.clone().of_cluster("c-1")).unwrap();
        let expected = json!({
            "layer": "controllers", "cluster": "c-1", "cause": "webhook-down",
            "rule": "webhook-down", "severity": "broken",
            "subject": {"noun": "webhook", "name": "capi-system/s"},
            "summary": "no pod is behind it",
            "evidence": [
                {"fact": "pods", "type": "count", "value": 0},
                {"fact": "rule", "type": "text", "value": "other-check"},
            ],
            "decision": null, "remedy": "look", "source": null,
        });
        assert_eq!(stored, expected);
        let read: LayerFinding = serde_json::from_value(stored).unwrap();
        assert_eq!(read, found.of_cluster("c-1"));
    }
}
