//! `charm-channel`

use omega_core::Severity;

use super::{Hit, Input, Rule, base::base_of};

pub(super) const RULE: Rule = Rule {
    id: "charm-channel",
    decision: Some("D-002"),
    severity: Severity::Broken,
    reason: "Each charm is pinned to the stable channel that goes with this release of OpenStack.",
    source: "openstack/charm-guide project/charm-delivery.rst; canonical/charmed-openstack-upgrader cou/utils/openstack_to_track_mapping.csv",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let hits = input.bundle.applications.iter().filter(|application| !application.is_local());
    hits.filter_map(|application| {
        let charm = application.charm()?;
        let base = base_of(application, input.bundle).unwrap_or_default();
        let right = input.policy.channels_of(charm, base)?;
        let wanted = right.join(" or ");
        let Some(value) = application.field("channel") else {
            let summary = format!(
                "{charm} has no channel: Juju takes the one that the charm's owner made the default"
            );
            return Some(Hit::new(
                application.place,
                &application.name,
                summary,
                format!("set channel: {wanted}"),
            ));
        };
        let channel = value.text().unwrap_or_default();
        if right.contains(&in_full(channel)) {
            return None;
        }
        let why = match charm {
            "vault" if channel.starts_with("2024.1") => {
                " (D-002 names Vault twice; the charm has no track 2024.1)"
            }
            _ => "",
        };
        let summary = format!("{charm} is on {channel:?}, and {wanted} goes with this cloud{why}");
        let hit =
            Hit::new(value.place, &application.name, summary, format!("set channel: {wanted}"));
        Some(match right.as_slice() {
            [one] => hit.fix(value.text(), one),
            _ => hit,
        })
    })
    .collect()
}

/// A track alone means its stable risk, a risk alone the track `latest`.
fn in_full(channel: &str) -> String {
    match channel {
        "stable" | "candidate" | "beta" | "edge" => format!("latest/{channel}"),
        _ if channel.contains('/') => channel.to_owned(),
        _ => format!("{channel}/stable"),
    }
}
