#![allow(
    clippy::match_wildcard_for_single_variants,
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    reason = "an assertion"
)]

use omega_core::Finding;
use omega_juju::sim::Juju;
use serde_json::json;

use super::*;

fn gate(juju: &Juju, settings: &[(&str, &str)]) -> CharmSettings {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    CharmSettings {
        juju: Arc::new(juju.clone()),
        application: "nova-compute".to_owned(),
        settings: settings.collect(),
        least: 8192,
    }
}

async fn fails(juju: &Juju, settings: &[(&str, &str)]) -> Finding {
    match gate(juju, settings).check().await.unwrap() {
        Verdict::Fail(finding) => *finding,
        other => panic!("{other:?}"),
    }
}

async fn passes(juju: &Juju, settings: &[(&str, &str)]) -> String {
    match gate(juju, settings).check().await.unwrap() {
        Verdict::Pass { evidence } => Evidence::line(&evidence),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_least_memory_and_more_are_right() {
    let juju = Juju::nova_compute(2, 0);
    juju.configure(MEMORY, json!(8192));
    insta::assert_snapshot!(passes(&juju, &[]).await, @"reserved-host-memory 8192 (user), units: 2, resume-guests-state-on-host-boot not decided (D-043 is proposed)");
    juju.configure(MEMORY, json!(16384));
    passes(&juju, &[]).await;
    assert!(
        fails(&juju, &[(MEMORY, "8192")]).await.summary.contains("needs 8192"),
        "as the site says"
    );
    assert_eq!(juju.writes(), 0);
}

#[tokio::test]
async fn the_charms_default_and_one_megabyte_less_are_broken() {
    let juju = Juju::nova_compute(2, 0);
    let found = fails(&juju, &[]).await;
    assert_eq!((found.severity, found.decision.as_deref()), (Severity::Broken, Some("D-040")));
    assert_eq!(found.summary, "reserved-host-memory is 512, and this cloud needs 8192");
    juju.configure(MEMORY, json!(8191));
    assert_eq!(fails(&juju, &[]).await.severity, Severity::Broken);
}

#[tokio::test]
async fn what_the_site_decided_of_guests_counts() {
    let juju = Juju::nova_compute(1, 0);
    juju.configure(MEMORY, json!(8192));
    passes(&juju, &[(RESUME, "false")]).await;
    let found = fails(&juju, &[(RESUME, "true")]).await;
    assert!(found.summary.contains("resume-guests-state-on-host-boot is false"), "{found:?}");
    juju.configure(RESUME, json!(true));
    passes(&juju, &[(RESUME, "true")]).await;
}

/// Juju has the value, and a unit does not read it.
#[tokio::test]
async fn a_unit_that_does_not_have_it_is_told() {
    let juju = Juju::nova_compute(2, 5);
    juju.configure_late(MEMORY, json!(8192));
    let found = fails(&juju, &[]).await;
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.summary.contains("2 of 2 units do not have it yet"), "{found:?}");
    juju.lose(0, true);
    assert_eq!(fails(&juju, &[]).await.severity, Severity::Unknown, "it can't be asked");
}

#[tokio::test]
async fn without_the_application_nothing_is_known() {
    let juju = Juju::nova_compute(1, 0);
    let other = CharmSettings { application: "nova".to_owned(), ..gate(&juju, &[]) };
    other.check().await.unwrap_err();
    let none = Juju::nova_compute(0, 0);
    none.configure(MEMORY, json!(8192));
    assert_eq!(fails(&none, &[]).await.severity, Severity::Unknown);
}
