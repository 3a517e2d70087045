//! `ovn-source`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "ovn-source",
    decision: Some("D-002"),
    severity: Severity::Warning,
    reason: "OVN comes with the release of OpenStack; the test cloud pins it no further.",
    source: "openstack-charmers/charm-layer-ovn config.yaml: ovn-source is empty by default",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let applications = input.bundle.applications.iter();
    applications
        .filter_map(|application| {
            let value = application.option("ovn-source")?;
            let source = value.text().filter(|source| !source.is_empty())?;
            let summary = format!("ovn-source is {source:?}: OVN is pinned beside its channel");
            Some(Hit::new(value.place, &application.name, summary, "leave ovn-source out"))
        })
        .collect()
}
