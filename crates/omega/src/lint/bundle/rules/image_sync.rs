//! `image-sync`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "image-sync",
    decision: Some("D-021"),
    severity: Severity::Warning,
    reason: "glance-simplestreams-sync asks Glance at its public name, which the metal network does not resolve.",
    source: "openstack/charm-glance-simplestreams-sync config.yaml: run is false; use-internal-endpoints is for Keystone only",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let applications = input.bundle.of("glance-simplestreams-sync");
    applications
        .filter(|application| application.option_flag("run") == Some(true))
        .map(|application| {
            let place = application.option_place("run");
            Hit::new(
                place,
                &application.name,
                "run is true, and D-021 parks this charm",
                "set run: false",
            )
        })
        .collect()
}
