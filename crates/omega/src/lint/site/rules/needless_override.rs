//! `needless-override`

use omega_core::{Severity, Subject};
use omega_driver::{Overrides, driver_reads};

use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = Rule {
    id: "needless-override",
    decision: Some("D-042"),
    severity: Severity::Note,
    reason: "Driver 1.4.0 reads v1beta1 without api_resources; an override that changes nothing can only become wrong.",
    source: "magnum-capi-helm 1.4.0, kubernetes.py: the versions that each class reads by default",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let Some(text) = input.placed.site.capi_helm.get("api_resources") else { return Vec::new() };
    // What can't be read or has no effect is found by the rules of coherence.
    let (Some(driver), Ok(overrides)) = (&input.driver, Overrides::of_line(text)) else {
        return Vec::new();
    };
    let reads = driver_reads(driver, &overrides);
    if !driver.reads_overrides() || reads.iter().any(|read| read.moved) {
        return Vec::new();
    }
    let summary =
        format!("api_resources changes nothing: driver {driver} reads these versions anyway");
    let position = input.placed.places.nearest(&["capi_helm", "api_resources"]);
    let subject = Subject::new("option", "api_resources");
    vec![RULE.found(position, subject, summary, "remove it")]
}
