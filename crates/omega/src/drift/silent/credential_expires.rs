//! `credential-expires`: a kubeconfig, a token or a certificate is about to end, or has ended.

use omega_core::Severity;

use super::Changed;
use crate::{drift::expiry::EXPIRY, lint::Rule};

pub(super) const RULE: Rule = Rule {
    id: "credential-expires",
    decision: None,
    severity: Severity::Warning,
    reason: "The driver does not tell that its credential has ended: Magnum keeps the last health of each cluster, and creations never end.",
    source: "magnum-capi-helm 1.4.0, magnum_capi_helm/kubernetes.py",
};

pub(super) fn named(changed: &Changed<'_>) -> Option<String> {
    let Changed { difference, now, .. } = changed;
    (now.id.kind == EXPIRY && now.state.finding().is_some()).then(|| difference.summary.clone())
}
