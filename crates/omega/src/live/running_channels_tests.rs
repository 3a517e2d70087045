#![allow(
    clippy::match_wildcard_for_single_variants,
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    reason = "an assertion"
)]

use omega_juju::Error;

use super::*;

/// A model of these applications, or none that answers.
#[derive(Debug)]
struct Memory(Option<String>);

#[async_trait]
impl JujuModel for Memory {
    async fn status(&self) -> Result<JujuStatus, Error> {
        match &self.0 {
            Some(applications) => {
                let text = format!(
                    r#"{{"model": {{"name": "openstack", "controller": "c"}}, "applications": {applications}}}"#
                );
                Ok(JujuStatus::parse(text.as_bytes()).unwrap())
            }
            None => Err(Error::NothingScheduled { unit: "model".to_owned() }),
        }
    }
}

async fn check(applications: &str) -> Verdict {
    let model = Arc::new(Memory(Some(applications.to_owned())));
    RunningChannels { model, policy: Policy::default() }.check().await.unwrap()
}

fn app(charm: &str, more: &str) -> String {
    let base = r#""base": {"name": "ubuntu", "channel": "22.04"}"#;
    format!(
        r#"{{"charm": "{charm}", "charm-name": "{charm}", "charm-origin": "charmhub", {base}, {more}}}"#
    )
}

fn on(charm: &str, channel: &str) -> String {
    app(charm, &format!(r#""charm-rev": 7, "charm-channel": "{channel}""#))
}

fn finding(verdict: Verdict) -> omega_core::Finding {
    match verdict {
        Verdict::Fail(finding) => *finding,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_channels_of_the_matrix_pass_and_every_application_is_shown() {
    let all = format!(
        r#"{{"keystone": {}, "k-router": {}, "vault": {}, "ours": {}}}"#,
        on("keystone", "2024.1/stable"),
        on("mysql-router", "8.0"),
        on("vault", "1.8/stable"),
        on("prometheus2", "edge"),
    );
    let Verdict::Pass { evidence } = check(&all).await else { panic!("it failed") };
    insta::assert_snapshot!(Evidence::line(&evidence), @"applications: 4, k-router mysql-router 8.0 revision 7 on ubuntu@22.04, keystone keystone 2024.1/stable revision 7 on ubuntu@22.04, ours prometheus2 edge revision 7 on ubuntu@22.04, vault vault 1.8/stable revision 7 on ubuntu@22.04");
}

/// Only the risk differs, and only the second row of the matrix is right.
#[tokio::test]
async fn a_near_miss_is_broken_and_says_what_is_right() {
    let all = format!(
        r#"{{"keystone": {}, "vault": {}}}"#,
        on("keystone", "2024.1/candidate"),
        on("vault", "2024.1/stable")
    );
    let found = finding(check(&all).await);
    assert_eq!((found.severity, found.decision.as_deref()), (Severity::Broken, Some("D-002")));
    insta::assert_snapshot!(found.summary, @r#"keystone: keystone is on "2024.1/candidate", and 2024.1/stable goes with this cloud; vault: vault is on "2024.1/stable", and 1.8/stable goes with this cloud (D-002 names Vault twice; the charm has no track 2024.1)"#);
    let remedy =
        "juju refresh keystone --channel 2024.1/stable; juju refresh vault --channel 1.8/stable";
    assert_eq!(found.remedy.as_deref(), Some(remedy));
    assert!(found.source.is_some());
}

#[tokio::test]
async fn the_base_decides_which_row_is_right() {
    let noble = on("rabbitmq-server", "3.9/stable").replace("22.04", "24.04");
    let found = finding(check(&format!(r#"{{"rabbit": {noble}}}"#)).await);
    assert!(found.summary.contains("3.12/stable goes with this cloud"), "{found:?}");
}

#[tokio::test]
async fn a_local_charm_and_one_without_a_channel_are_said() {
    let local = app("magnum", r#""charm-rev": 0"#).replace("charmhub", "local");
    let found = finding(check(&format!(r#"{{"magnum": {local}}}"#)).await);
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.summary.starts_with("magnum runs a local magnum"), "{found:?}");
    assert!(found.remedy.unwrap().contains("--switch ch:magnum --channel 2024.1/stable"));
    let found =
        finding(check(&format!(r#"{{"g": {}}}"#, app("glance", r#""charm-rev": 1"#))).await);
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.summary.contains("juju reports no channel of glance"), "{found:?}");
}

#[tokio::test]
async fn what_juju_can_not_tell_is_unknown() {
    for odd in [r#"{"keystone": {"status-error": "cannot get status"}}"#, "{}"] {
        assert_eq!(finding(check(odd).await).severity, Severity::Unknown, "{odd}");
    }
    let gate = RunningChannels { model: Arc::new(Memory(None)), policy: Policy::default() };
    gate.check().await.unwrap_err();
}

#[tokio::test]
async fn a_newer_revision_is_shown() {
    let more = r#""charm-rev": 7, "charm-channel": "2024.1/stable", "can-upgrade-to": "ch:amd64/jammy/keystone-9""#;
    let Verdict::Pass { evidence } = check(&format!(r#"{{"k": {}}}"#, app("keystone", more))).await
    else {
        panic!("it failed")
    };
    assert!(
        Evidence::line(&evidence).ends_with("newer in its channel: k ch:amd64/jammy/keystone-9")
    );
}
