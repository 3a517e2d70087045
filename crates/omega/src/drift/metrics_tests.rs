use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_core::{Evidence, StepId, Subject};

use super::*;
use crate::drift::{Observation, Source};

fn standing(kind: &str, key: &str, name: &str, state: &str, evidence: Vec<Evidence>) -> Standing {
    let id = StepId { target: "magnum/0".into(), kind: kind.into(), key: key.into() };
    let subject = Subject::new("thing", name);
    let observation = Observation::new(Source::Graft, id, subject, State::Holds).shown_by(evidence);
    Standing { observation, state: state.to_owned(), changed: state == "pending" }
}

#[test]
fn the_text_is_as_prometheus_reads_it() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let report = DriftReport {
        site: "omega.toml".to_owned(),
        at: at(1_795_262_400),
        seconds: 1.25,
        baseline: at(1_795_262_100),
        recorded: false,
        looked: 3,
        differences: Vec::new(),
        recovered: Vec::new(),
        runs: Vec::new(),
        skipped: Vec::new(),
        looks: 7,
        found: BTreeMap::from([("changed".to_owned(), 2)]),
        standings: vec![
            standing("gate", "daemon-steady", "it \"stays\" \\ up\n", "unknown", Vec::new()),
            standing(
                "juju.config-dir.v1",
                "/etc/default/m",
                "/etc/default/m",
                "pending",
                Vec::new(),
            ),
            standing(
                EXPIRY,
                "k",
                "/etc/magnum/kubeconfig",
                "holds",
                vec![Evidence::time(EXPIRES, at(1_800_000_000))],
            ),
        ],
    };
    let text = metrics(Some(&report));
    assert!(text.ends_with('\n'));
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "V"), @r#"
    # HELP omega_drift_build_info The version of omega.
    # TYPE omega_drift_build_info gauge
    omega_drift_build_info{version="V"} 1
    # HELP omega_drift_last_look_timestamp_seconds When the last look at the site began.
    # TYPE omega_drift_last_look_timestamp_seconds gauge
    omega_drift_last_look_timestamp_seconds 1795262400
    # HELP omega_drift_last_look_duration_seconds How long the last look took.
    # TYPE omega_drift_last_look_duration_seconds gauge
    omega_drift_last_look_duration_seconds 1.250
    # HELP omega_drift_baseline_timestamp_seconds When the baseline was recorded or accepted.
    # TYPE omega_drift_baseline_timestamp_seconds gauge
    omega_drift_baseline_timestamp_seconds 1795262100
    # HELP omega_drift_looks_total Looks at the site with this baseline.
    # TYPE omega_drift_looks_total counter
    omega_drift_looks_total 7
    # HELP omega_drift_changes_total Differences that a look was the first to find.
    # TYPE omega_drift_changes_total counter
    omega_drift_changes_total{kind="unknown"} 0
    omega_drift_changes_total{kind="fails"} 0
    omega_drift_changes_total{kind="pending"} 0
    omega_drift_changes_total{kind="warns"} 0
    omega_drift_changes_total{kind="changed"} 2
    omega_drift_changes_total{kind="waits"} 0
    omega_drift_changes_total{kind="appeared"} 0
    omega_drift_changes_total{kind="gone"} 0
    omega_drift_changes_total{kind="recovered"} 0
    # HELP omega_drift_differences Differences that are there now.
    # TYPE omega_drift_differences gauge
    omega_drift_differences{kind="unknown"} 0
    omega_drift_differences{kind="fails"} 0
    omega_drift_differences{kind="pending"} 0
    omega_drift_differences{kind="warns"} 0
    omega_drift_differences{kind="changed"} 0
    omega_drift_differences{kind="waits"} 0
    omega_drift_differences{kind="appeared"} 0
    omega_drift_differences{kind="gone"} 0
    # HELP omega_drift_rule_state 1 for the state of the rule or fact, 0 for the others.
    # TYPE omega_drift_rule_state gauge
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="holds"} 0
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="pending"} 0
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="warns"} 0
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="fails"} 0
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="deferred"} 0
    omega_drift_rule_state{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n",state="unknown"} 1
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="holds"} 0
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="pending"} 1
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="warns"} 0
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="fails"} 0
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="deferred"} 0
    omega_drift_rule_state{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m",state="unknown"} 0
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="holds"} 1
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="pending"} 0
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="warns"} 0
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="fails"} 0
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="deferred"} 0
    omega_drift_rule_state{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig",state="unknown"} 0
    # HELP omega_drift_rule_changed 1 if it differs from the baseline or from the site file.
    # TYPE omega_drift_rule_changed gauge
    omega_drift_rule_changed{target="magnum/0",rule="daemon-steady",subject="it \"stays\" \\ up\n"} 0
    omega_drift_rule_changed{target="magnum/0",rule="juju.config-dir.v1",key="/etc/default/m",subject="/etc/default/m"} 1
    omega_drift_rule_changed{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig"} 0
    # HELP omega_drift_credential_expires_timestamp_seconds When a kubeconfig, a token or a certificate ends.
    # TYPE omega_drift_credential_expires_timestamp_seconds gauge
    omega_drift_credential_expires_timestamp_seconds{target="magnum/0",rule="expiry",key="k",subject="/etc/magnum/kubeconfig"} 1800000000
    "#);
}

#[test]
fn before_the_first_look_only_the_version_is_told() {
    let text = metrics(None);
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 1, "{text}");
}
