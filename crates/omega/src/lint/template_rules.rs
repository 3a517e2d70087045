//! What is found in templates by the driver's facts (`omega_driver::template`), as rules.

use omega_core::Severity;
use omega_driver::template::{AUTO_HEALING, IGNORED_FIELD, IGNORED_LABEL, KEYSTONE_AUTH};

use super::Rule;

const SOURCE: &str = "magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py";

const fn rule(
    id: &'static str,
    decision: &'static str,
    severity: Severity,
    reason: &'static str,
) -> Rule {
    Rule { id, decision: Some(decision), severity, reason, source: SOURCE }
}

pub(super) const RULES: [Rule; 4] = [
    rule(
        KEYSTONE_AUTH.name,
        "D-029",
        Severity::Warning,
        "k8s-keystone-auth can't trust a Keystone with a private CA.",
    ),
    rule(
        IGNORED_LABEL.name,
        "D-036",
        Severity::Note,
        "Driver or chart ignore the label without a word.",
    ),
    rule(
        IGNORED_FIELD.name,
        "D-036",
        Severity::Note,
        "The driver ignores the field without a word.",
    ),
    rule(
        AUTO_HEALING.name,
        "D-042",
        Severity::Warning,
        "Machines are replaced by Cluster API's MachineHealthCheck, never by Magnum's health_status.",
    ),
];
