use omega_core::{
    Evidence, Subject,
    run::{Job, Status},
};
use omega_juju::sim::Start;
use serde_json::json;

use super::*;
use crate::{decisions::overview, test_harness::Site};

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Stores a report with run of `site` at `second`.
fn stored(runs: &Runs, site: &str, second: i64, report: &Value) -> String {
    let run = runs.begin(&Job::new("accept", site, Vec::new()), time(second)).unwrap();
    run.keep("report.json", report).unwrap();
    run.id.clone()
}

fn acceptance(second: i64, outcome: &Value, stand_ins: &[&str]) -> Value {
    let item = json!({
        "id": "D-011.6", "title": "Vault unsealed", "criterion": "", "outcome": outcome,
        "findings": [], "evidence": [], "notes": [], "charts": [], "started": time(second), "seconds": 1.0,
        "kept_from": null,
    });
    json!({
        "schema_version": 1, "run": "r", "tool": { "name": "omega", "version": "0" }, "site": "s",
        "site_sha256": null, "endpoints": {}, "stand_ins": stand_ins, "started": time(second), "seconds": 1.0,
        "verdict": "failed", "exit_code": 3, "interrupted": false, "resumes": null, "items": [item],
        "not_selected": [], "left": [],
    })
}

#[tokio::test]
async fn the_gates_of_a_run_are_the_last_results_of_their_rules() {
    let site = Site::new(&[Start::Fresh]);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Done);
    let results = Results::of_runs(&site.runs, None).unwrap();
    assert!(results.damaged.is_empty());
    for rule in ["reach-management", "driver-loaded", "trustee-domain", "coherence"] {
        let last = results.of(rule).unwrap();
        assert_eq!((last.state, last.by.as_str()), (ResultState::Passed, "graft"), "{rule}");
        assert_eq!(last.run, report.run, "{rule}");
        assert_eq!(last.site, "omega.toml", "{rule}");
    }
    assert_eq!(
        results.of("cluster-health").unwrap().state,
        ResultState::Deferred,
        "no cluster yet"
    );
    assert_eq!(results.of("ceph-release"), None, "a lint is not stored");
    let all = overview(&results).unwrap();
    let of = |id: &str| all.iter().find(|one| one.id == id).unwrap();
    let (rule, last) = of("D-037").worst().unwrap();
    assert_eq!((rule.rule.as_str(), last.state), ("driver-loaded", ResultState::Passed));
    assert!(of("D-005").worst().is_none() && !of("D-005").rules.is_empty());
    assert_eq!(Results::of_runs(&site.runs, Some("other.toml")).unwrap().of("coherence"), None);
}

/// A run that failed in the middle: what it reached counts, and for the rest what it saw before.
#[test]
fn a_gate_that_said_no_is_the_last_result_of_its_rule() {
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let subject = || Subject::new("gate", "x");
    let item = |key: &str, outcome| omega_core::ItemReport {
        subject: subject(),
        kind: "gate".to_owned(),
        key: key.to_owned(),
        outcome,
        notes: Vec::new(),
    };
    let warning =
        Finding::broken("daemon-steady", subject(), "it restarts").severity(Severity::Warning);
    let gate = Failure::new(FailureClass::Gate, "check failed").because("no way");
    let unasked = Failure::new(FailureClass::Error, "no answer");
    let done = TargetReport {
        target: "magnum/0".to_owned(),
        items: vec![
            item("reach-management", ItemOutcome::Failed(gate)),
            item("daemon-steady", ItemOutcome::Warned(Box::new(warning))),
            item("driver-imports", ItemOutcome::Failed(unasked)),
        ],
    };
    let before = |key: &str| json!({ "subject": subject(), "kind": "gate", "key": key, "found": { "verdict": { "pass": { "evidence": [] } } } });
    let sections = json!([{ "number": "7.1", "title": "t", "items": [before("reach-management"), before("juju-status")] }]);
    let looked = json!([{ "target": "magnum/0", "sections": sections }]);
    stored(&runs, "s", 0, &json!({ "looked": looked, "done": [done], "exit_code": 3 }));
    let results = Results::of_runs(&runs, None).unwrap();
    let state = |rule: &str| results.of(rule).map(|last| (last.state, last.summary.as_deref()));
    assert_eq!(state("reach-management"), Some((ResultState::Failed, Some("no way"))));
    assert_eq!(state("daemon-steady"), Some((ResultState::Warned, Some("it restarts"))));
    assert_eq!(state("driver-imports"), Some((ResultState::Unknown, Some("no answer"))));
    assert_eq!(state("juju-status"), Some((ResultState::Passed, None)));
}

#[test]
fn the_newest_acceptance_counts_and_a_rehearsal_never() {
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let failed = json!({ "state": "failed" });
    stored(&runs, "s", 0, &acceptance(0, &json!({ "state": "passed" }), &[]));
    let second = stored(&runs, "s", 1, &acceptance(1, &failed, &[]));
    stored(&runs, "s", 2, &acceptance(2, &json!({ "state": "passed" }), &["a simulated Vault"]));
    let results = Results::of_runs(&runs, None).unwrap();
    let last = results.of("D-011.6").unwrap();
    assert_eq!((last.state, last.run.as_deref()), (ResultState::Failed, Some(second.as_str())));
    assert_eq!((last.at, last.by.as_str()), (time(1), "accept"));
    let why = json!({ "state": "not_run", "why": "no answer", "next": null });
    stored(&runs, "s", 3, &acceptance(3, &why, &[]));
    let last = Results::of_runs(&runs, None).unwrap().of("D-011.6").cloned().unwrap();
    assert_eq!((last.state, last.summary.as_deref()), (ResultState::Unknown, Some("no answer")));
}

#[test]
fn a_report_that_was_edited_is_named_and_not_believed() {
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let run = runs.begin(&Job::new("accept", "s", Vec::new()), time(0)).unwrap();
    let bytes = serde_json::to_vec(&acceptance(0, &json!({ "state": "failed" }), &[])).unwrap();
    let path = run.keep_document("report.json", &bytes).unwrap();
    let edited = String::from_utf8(bytes).unwrap().replace("failed", "passed");
    std::fs::write(path, edited).unwrap();
    let results = Results::of_runs(&runs, None).unwrap();
    assert_eq!(results.of("D-011.6"), None);
    assert!(results.damaged[0].to_string().contains(&run.id), "{:?}", results.damaged);
    // One that is no report hides no other.
    stored(&runs, "s", 1, &json!({ "verdict": 5 }));
    stored(&runs, "s", 2, &acceptance(2, &json!({ "state": "passed" }), &[]));
    let results = Results::of_runs(&runs, None).unwrap();
    assert_eq!(results.of("D-011.6").unwrap().state, ResultState::Passed);
    assert_eq!(results.damaged.len(), 2);
}

/// As another source of results does it: `drift`.
#[test]
fn a_result_from_elsewhere_counts_if_it_is_newer_and_of_two_the_worse() {
    let mut results = Results::default();
    let at = |state, second| LastResult::new(state, time(second), "drift", "s");
    results.add("ceph-release", at(ResultState::Passed, 5));
    results.add("ceph-release", at(ResultState::Failed, 4));
    assert_eq!(results.of("ceph-release").unwrap().state, ResultState::Passed);
    results.add("ceph-release", at(ResultState::Failed, 5));
    results.add("ceph-release", at(ResultState::Passed, 5));
    assert_eq!(results.of("ceph-release").unwrap().state, ResultState::Failed);
    results.add("ceph-release", at(ResultState::Passed, 6));
    assert_eq!(results.of("ceph-release").unwrap().state, ResultState::Passed);
}

#[test]
fn what_was_not_known_is_never_good() {
    let finding = |severity| {
        let subject = Subject::new("unit", "a/0");
        let finding = Finding::broken("r", subject, "s").severity(severity);
        of_finding(&finding.shown_by([Evidence::holds("x")]))
    };
    assert_eq!(finding(Severity::Unknown), ResultState::Unknown);
    assert_eq!(finding(Severity::Broken), ResultState::Failed);
    assert_eq!(finding(Severity::Warning), ResultState::Warned);
    let failure = |class| of_failure(&Failure::new(class, "x"));
    assert_eq!(failure(FailureClass::Gate), ResultState::Failed);
    assert_eq!(failure(FailureClass::Error), ResultState::Unknown);
    assert_eq!(failure(FailureClass::Deadline), ResultState::Unknown);
}
