//! `ovn-binding`

use omega_core::Severity;

use super::super::Value;
use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "ovn-binding",
    decision: None,
    severity: Severity::Broken,
    reason: "The network of the tunnels between hosts is bound under the name `data`.",
    source: "openstack-charmers/charm-layer-ovn metadata.yaml: extra-bindings data; the anti-patterns of the decisions",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let charms = ["ovn-chassis", "ovn-dedicated-chassis"];
    let mut hits = Vec::new();
    for chassis in charms.into_iter().flat_map(|charm| input.bundle.of(charm)) {
        let bindings = chassis.field("bindings").map(Value::entries).unwrap_or_default();
        if let Some(wrong) = bindings.iter().find(|entry| entry.key.contains("overlay")) {
            let summary = format!(
                "there is no binding {:?}: the tunnels use the one called `data`",
                wrong.key
            );
            let has_right = bindings.iter().any(|entry| entry.key == "data");
            hits.push(if has_right {
                Hit::new(wrong.place, &chassis.name, summary, "remove it: `data` is there too")
            } else {
                let hit = Hit::new(wrong.place, &chassis.name, summary, "write data");
                hit.fix(Some(&wrong.key), "data")
            });
        }
    }
    hits
}
