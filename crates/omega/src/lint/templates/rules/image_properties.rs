//! `image-properties`

use omega_core::Severity;

use super::{Input, LintFinding, Rule};

/// The gate before a cluster has the same name.
pub(super) const RULE: Rule = Rule {
    id: "image-properties",
    decision: Some("L-P6-3"),
    severity: Severity::Broken,
    reason: "Magnum and its driver read os_distro and kube_version of the image; without one of them no cluster is created.",
    source: "magnum 18.0.1, api/attr_validator.py, validate_image; magnum-capi-helm 1.4.0, driver.py, _get_image_details",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for one in input.templates.iter().filter(|one| one.facts.ours()) {
        let Some(finding) = input.seen.images.get(&one.shape.image) else { continue };
        let mut finding = finding.clone();
        finding.summary = format!("image {}: {}", one.shape.image, finding.summary);
        found.push(one.found(finding));
    }
    found
}
