//! `magnum-bindings`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "magnum-bindings",
    decision: Some("D-007"),
    severity: Severity::Broken,
    reason: "Tenants' clusters reach Magnum's API on the network that they have a way to.",
    source: "openstack/charm-magnum src/metadata.yaml: extra-bindings public, internal, admin",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let space = &input.policy.public_space;
    let mut hits = Vec::new();
    for magnum in input.bundle.of("magnum") {
        let bindings = magnum.field("bindings");
        let bound = bindings.and_then(|all| all.get("public").or_else(|| all.get("")));
        match bound.and_then(|value| value.text()) {
            Some(bound) if bound == space => {}
            Some(other) => {
                let place = bound.map_or(magnum.place, |value| value.place);
                let summary =
                    format!("magnum's public API is bound to the space {other:?}, not {space:?}");
                hits.push(Hit::new(
                    place,
                    &magnum.name,
                    summary,
                    format!("set bindings: public: {space}"),
                ));
            }
            None => {
                let summary = "magnum's public API is bound to no space";
                hits.push(Hit::new(
                    magnum.place,
                    &magnum.name,
                    summary,
                    format!("set bindings: public: {space}"),
                ));
            }
        }
    }
    hits
}
