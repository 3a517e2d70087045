//! `bridge-mappings`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "bridge-mappings",
    decision: None,
    severity: Severity::Warning,
    reason: "A name of a network card is that of one model of host; its MAC address is always right, and a list may name those of all hosts.",
    source: "openstack-charmers/charm-layer-ovn config.yaml: bridge-interface-mappings (bridge:NIC or MAC), ovn-bridge-mappings (physnet:bridge); the anti-patterns of the decisions",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let charms = ["ovn-chassis", "ovn-dedicated-chassis"];
    let mut hits = Vec::new();
    for chassis in charms.into_iter().flat_map(|charm| input.bundle.of(charm)) {
        let interfaces: Vec<_> = pairs(chassis.option_text("bridge-interface-mappings")).collect();
        for (bridge, interface) in interfaces.iter().filter(|(_, interface)| !is_mac(interface)) {
            let summary = format!(
                "bridge-interface-mappings maps {bridge} to {interface:?}, a name of a network card"
            );
            let place = chassis.option_place("bridge-interface-mappings");
            hits.push(Hit::new(
                place,
                &chassis.name,
                summary,
                format!("name the cards by MAC address: {bridge}:AA:BB:CC:DD:EE:FF"),
            ));
        }
        for (network, bridge) in pairs(chassis.option_text("ovn-bridge-mappings")) {
            if !interfaces.is_empty() && !interfaces.iter().any(|(known, _)| *known == bridge) {
                let summary = format!(
                    "{network} is mapped to the bridge {bridge}, which bridge-interface-mappings does not have"
                );
                let place = chassis.option_place("ovn-bridge-mappings");
                let hit = Hit::new(
                    place,
                    &chassis.name,
                    summary,
                    format!("add {bridge} to bridge-interface-mappings"),
                );
                hits.push(hit.severity(Severity::Broken));
            }
        }
    }
    hits
}

/// `one:two three:four`
fn pairs(text: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    text.unwrap_or_default().split_whitespace().filter_map(|pair| pair.split_once(':'))
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
}
