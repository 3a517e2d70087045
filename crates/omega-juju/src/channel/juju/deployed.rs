//! The charms that are deployed, as `juju status` reports them.

use super::JujuStatus;

/// The charm of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeployedCharm {
    /// The application.
    pub application: String,
    /// The charm's name.
    pub charm: String,
    /// Whether it came from a file or a directory, not from Charmhub.
    pub local: bool,
    /// Its revision.
    pub revision: Option<i64>,
    /// Its channel (`2024.1/stable`); none for a local one, and for one of the old charm store.
    pub channel: Option<String>,
    /// The operating system: juju 3's base (`ubuntu@22.04`) or juju 2.9's series (`jammy`).
    pub base: Option<String>,
    /// A newer revision in its channel, as juju names it.
    pub upgrade: Option<String>,
    /// The error, if juju could not determine the application's status.
    pub error: Option<String>,
}

impl JujuStatus {
    /// Returns the charm of every application, subordinates included, by the application's name.
    pub fn deployed_charms(&self) -> Vec<DeployedCharm> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let charm = |(name, raw): (&String, &super::status::Application)| DeployedCharm {
            application: name.clone(),
            charm: if raw.charm_name.is_empty() {
                bare(&raw.charm).to_owned()
            } else {
                raw.charm_name.clone()
            },
            local: raw.charm_origin == "local" || raw.charm.starts_with("local:"),
            revision: raw.charm_rev,
            channel: text(&raw.charm_channel),
            base: raw.base(),
            upgrade: text(&raw.can_upgrade_to),
            error: text(&raw.status_error),
        };
        self.applications.iter().map(charm).collect()
    }
}

/// Returns the name in a charm's URL: `ch:amd64/jammy/magnum-70`.
fn bare(url: &str) -> &str {
    let name = url.rsplit(['/', ':']).next().unwrap_or(url);
    match name.rsplit_once('-') {
        Some((name, revision)) if revision.parse::<u32>().is_ok() => name,
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::JUJU_STATUS;

    #[test]
    fn each_application_has_its_charm_with_channel_revision_and_base() {
        let all = JujuStatus::parse(JUJU_STATUS.as_bytes()).unwrap().deployed_charms();
        assert_eq!(all.len(), 17);
        let router = all.iter().find(|one| one.application == "keystone-mysql-router").unwrap();
        assert_eq!(router.charm, "mysql-router", "a subordinate, by its charm and not its name");
        assert_eq!((router.revision, router.channel.as_deref()), (Some(90), Some("8.0/stable")));
        assert_eq!(router.base.as_deref(), Some("ubuntu@20.04"));
        assert!(!router.local && router.error.is_none());
    }

    #[test]
    fn a_local_charm_and_an_old_model_are_read() {
        let text = r#"{"applications": {
            "mine": {"charm": "local:jammy/magnum-0", "charm-origin": "local", "charm-rev": 0},
            "old": {"charm": "cs:nova-compute-537", "series": "focal", "can-upgrade-to": "cs:nova-compute-540"},
            "gone": {"status-error": "cannot get status"}}}"#;
        let all = JujuStatus::parse(text.as_bytes()).unwrap().deployed_charms();
        let shown = all.iter().map(|one| {
            (one.charm.as_str(), one.local, one.channel.as_deref(), one.upgrade.as_deref())
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                ("", false, None, None),
                ("magnum", true, None, None),
                ("nova-compute", false, None, Some("cs:nova-compute-540")),
            ]
        );
        assert_eq!(all[0].error.as_deref(), Some("cannot get status"));
        assert_eq!(all[2].base.as_deref(), Some("focal"));
    }
}
