//! `osd-devices`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "osd-devices",
    decision: None,
    severity: Severity::Broken,
    reason: "Without devices there is no OSD: the charm says so only when it is deployed, and Ceph then has no room.",
    source: "openstack/charm-ceph-osd config.yaml: osd-devices has no default; the anti-patterns of the decisions",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for osd in input.bundle.of("ceph-osd") {
        let devices = osd.value.get("options").and_then(|options| options.get("osd-devices"));
        if devices.and_then(|value| value.text()).is_some_and(|text| !text.trim().is_empty()) {
            continue;
        }
        // Devices can also come from Juju's storage.
        let storage =
            osd.field("storage").is_some_and(|storage| storage.get("osd-devices").is_some());
        if storage {
            continue;
        }
        let place = devices.map_or(osd.place, |value| value.place);
        let summary = match devices {
            Some(_) => {
                "osd-devices is empty; if it is an anchor, every application that uses it is without devices"
            }
            None => "osd-devices is not set",
        };
        hits.push(Hit::new(
            place,
            &osd.name,
            summary,
            "name the devices by id: /dev/disk/by-id/...",
        ));
    }
    hits
}
