//! `running-channels`: the charms that run are those of the matrix.

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Severity, Subject, Verdict};
use omega_juju::channel::{DeployedCharm, JujuStatus};

use super::judgement::Judged;
use crate::{
    acceptance::items::{JujuModel, juju_unread},
    lint::{
        Rule,
        bundle::{Policy, wrong_channel},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "running-channels",
    decision: Some("D-002"),
    severity: Severity::Broken,
    reason: "Each charm runs from the stable channel that goes with this release of OpenStack; a deploy changes no channel of what runs.",
    source: "canonical/charmed-openstack-upgrader cou/utils/openstack_to_track_mapping.csv; juju/juju 4 internal/bundle/changes/handlers.go",
};

/// The gate that every application of the model is on the channel of its charm: the matrix of `lint bundle`,
/// for what runs.
#[derive(Clone, Debug)]
pub struct RunningChannels {
    /// The model.
    pub model: Arc<dyn JujuModel>,
    /// The matrix.
    pub policy: Policy,
}

impl RunningChannels {
    fn judge(&self, status: &JujuStatus) -> Verdict {
        let mut judged = Judged::new(&RULE, Subject::new("model", status.model().to_string()));
        let all = status.deployed_charms();
        judged.shows(Evidence::count("applications", all.len()));
        if all.is_empty() {
            let remedy = "name the model of the cloud: `model` in [juju]";
            judged.unknown("the model has no applications", remedy);
        }
        for one in &all {
            judged.shows(Evidence::text(&one.application, shown(one)));
            self.application(one, &mut judged);
        }
        let newer = all.iter().filter_map(|one| {
            one.upgrade.as_ref().map(|upgrade| format!("{} {upgrade}", one.application))
        });
        let newer: Vec<String> = newer.collect();
        if !newer.is_empty() {
            judged.shows(Evidence::list("newer in its channel:", newer));
        }
        judged.verdict()
    }

    fn application(&self, one: &DeployedCharm, judged: &mut Judged) {
        let DeployedCharm { application, charm, .. } = one;
        if let Some(error) = &one.error {
            let remedy = format!("juju status {application}");
            judged.unknown(format!("{application}: juju can't tell its state: {error}"), remedy);
            return;
        }
        let base = one.base.as_deref().unwrap_or_default();
        let Some(right) = self.policy.channels_of(charm, base) else { return };
        let right = right.join(" or ");
        let remedy = format!("juju refresh {application} --channel {right}");
        if one.local {
            let summary = format!(
                "{application} runs a local {charm}: it has no channel, and {right} goes with this cloud"
            );
            judged.warning(
                summary,
                remedy.replace("--channel", &format!("--switch ch:{charm} --channel")),
            );
        } else if one.channel.is_none() {
            let summary = format!(
                "{application}: juju reports no channel of {charm}, and {right} goes with this cloud"
            );
            judged.warning(summary, remedy);
        } else if let Some(wrong) = wrong_channel(&self.policy, charm, base, one.channel.as_deref())
        {
            judged.broken(format!("{application}: {}", wrong.summary), remedy);
        }
    }
}

/// `keystone 2024.1/stable revision 778 on ubuntu@22.04`
fn shown(one: &DeployedCharm) -> String {
    let channel = match (&one.channel, one.local) {
        (Some(channel), _) => channel.as_str(),
        (None, true) => "local",
        (None, false) => "without a channel",
    };
    let revision = one.revision.map(|number| format!(" revision {number}")).unwrap_or_default();
    let base = one.base.as_ref().map(|base| format!(" on {base}")).unwrap_or_default();
    format!("{} {channel}{revision}{base}", one.charm)
}

#[async_trait]
impl Gate for RunningChannels {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let status = self.model.status().await.map_err(|error| juju_unread(&error))?;
        Ok(self.judge(&status))
    }
}

pub(super) fn subject() -> Subject {
    Subject::new("charms", "of the model")
}

#[cfg(test)]
#[path = "running_channels_tests.rs"]
mod tests;
