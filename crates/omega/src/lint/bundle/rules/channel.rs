//! `charm-channel`

use omega_core::Severity;

use super::{super::Policy, Hit, Input, Rule, base::base_of};

pub(super) const RULE: Rule = Rule {
    id: "charm-channel",
    decision: Some("D-002"),
    severity: Severity::Broken,
    reason: "Each charm is pinned to the stable channel that goes with this release of OpenStack.",
    source: "openstack/charm-guide project/charm-delivery.rst; canonical/charmed-openstack-upgrader cou/utils/openstack_to_track_mapping.csv",
};

/// What is wrong with the channel of a charm, written down or running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongChannel {
    /// What is wrong, in one sentence.
    pub(crate) summary: String,
    /// The channels that are right.
    pub(crate) right: Vec<String>,
}

impl WrongChannel {
    /// Returns the channels that are right, in words.
    pub(crate) fn wanted(&self) -> String {
        self.right.join(" or ")
    }
}

/// Returns what is wrong with the channel of a charm on a base, if it has a row in the matrix and anything is.
/// `channel`: `None` if there is none.
pub(crate) fn wrong_channel(
    policy: &Policy,
    charm: &str,
    base: &str,
    channel: Option<&str>,
) -> Option<WrongChannel> {
    let right = policy.channels_of(charm, base)?;
    let wanted = right.join(" or ");
    let Some(channel) = channel else {
        let summary = format!(
            "{charm} has no channel: Juju takes the one that the charm's owner made the default"
        );
        return Some(WrongChannel { summary, right });
    };
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
    Some(WrongChannel { summary, right })
}

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let hits = input.bundle.applications.iter().filter(|application| !application.is_local());
    hits.filter_map(|application| {
        let charm = application.charm()?;
        let base = base_of(application, input.bundle).unwrap_or_default();
        let channel = application.field("channel");
        let text = channel.map(|value| value.text().unwrap_or_default());
        let wrong = wrong_channel(input.policy, charm, base, text)?;
        let remedy = format!("set channel: {}", wrong.wanted());
        let place = channel.map_or(application.place, |value| value.place);
        let hit = Hit::new(place, &application.name, wrong.summary, remedy);
        Some(match (channel, wrong.right.as_slice()) {
            (Some(value), [one]) => hit.fix(value.text(), one),
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
