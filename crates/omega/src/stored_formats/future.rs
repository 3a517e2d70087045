//! Files of a later version are refused, and said to be that; fields that nobody knows yet are no obstacle.

use std::{fs, path::Path};

use omega_core::{
    Failure,
    run::{Outcome, PlanFile, Runs},
};
use serde_json::Value;

use super::{current, fixtures, state};
use crate::{acceptance, drift::Baselines};

/// Changes the JSON document at `path`, or the first line of a journal.
fn change(path: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(path).unwrap();
    let is_journal = path.extension().is_some_and(|extension| extension == "jsonl");
    let (first, rest) = if is_journal { text.split_once('\n').unwrap() } else { (&*text, "") };
    let mut value: Value = serde_json::from_str(first).unwrap();
    change(&mut value);
    let text = if is_journal { format!("{value}\n{rest}") } else { value.to_string() };
    fs::write(path, text).unwrap();
}

fn later(value: &mut Value) {
    let key = if value.get("format").is_some() { "version" } else { "schema_version" };
    assert!(value[key].is_u64(), "{value}");
    value[key] = 99.into();
}

fn unknown_field(value: &mut Value) {
    value["something_new"] = serde_json::json!({ "a": [1] });
}

fn run(runs: &Runs) -> (String, std::path::PathBuf) {
    let id = runs.resolve("latest").unwrap();
    let directory = runs.directory(&id).unwrap();
    (id, directory)
}

/// It names the version that was found, the one that is read, and what to do.
#[track_caller]
fn refused(failure: &Failure) {
    let told = format!("{failure:?}");
    assert!(told.contains("its version is 99"), "{told}");
    assert!(told.contains("this omega reads"), "{told}");
    assert!(failure.next.as_deref().is_some_and(|next| next.contains("version")), "{told}");
}

#[test]
fn a_plan() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("plan.json");
    fs::copy(fixtures().join(current()).join("plan.json"), &path).unwrap();
    change(&path, unknown_field);
    PlanFile::open(&path).unwrap();
    change(&path, later);
    refused(&PlanFile::open(&path).unwrap_err());
    refused(&PlanFile::read(&path, "graft").unwrap_err());
}

#[test]
fn a_journal() {
    let (_home, runs) = state(current(), "temporary");
    let (id, directory) = run(&runs);
    let path = directory.join("journal.jsonl");
    change(&path, unknown_field);
    assert!(!runs.entries(&id).unwrap().is_empty());
    change(&path, later);
    refused(&runs.entries(&id).unwrap_err());
    refused(&runs.leftovers().unwrap_err());
    let (all, damaged) = runs.all().unwrap();
    assert_eq!((all.len(), damaged.len()), (1, 0), "it is listed");
    assert_eq!(runs.outcome(&all[0]).changes, None, "and nothing is said of what it changed");
}

#[test]
fn a_report() {
    let (_home, runs) = state(current(), "done");
    let (_, directory) = run(&runs);
    let all = runs.all().unwrap().0;
    change(&directory.join("report.json"), unknown_field);
    assert_eq!(runs.outcome(&all[0]).outcome, Outcome::Done);
    change(&directory.join("report.json"), later);
    assert_eq!(runs.outcome(&all[0]).outcome, Outcome::Damaged, "not what its fields may mean");
    assert!(!omega_core::run::converged(&runs, &all[0]));
}

#[test]
fn a_description_of_a_run() {
    let (_home, runs) = state(current(), "done");
    let (id, directory) = run(&runs);
    change(&directory.join("run.json"), unknown_field);
    assert_eq!(runs.all().unwrap().0[0].id, id);
}

#[test]
fn a_report_of_an_acceptance() {
    let (_home, runs) = state(current(), "acceptance");
    let (id, directory) = run(&runs);
    let report = directory.join("report.json");
    change(&report, later);
    // Its digest is in the journal. A later version would have written that too.
    let digest = omega_core::values::Sha256::of(&fs::read(&report).unwrap());
    let journal = directory.join("journal.jsonl");
    let entry = format!(r#"{{"entry":"document","name":"report.json","sha256":"{digest}"}}"#);
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, format!("{text}{entry}\n")).unwrap();
    refused(&acceptance::read(&runs, &id).unwrap_err());
}

#[test]
fn a_baseline() {
    let home = tempfile::tempdir().unwrap();
    let file = Baselines::new(home.path()).take(&home.path().join("omega.toml")).unwrap();
    fs::copy(fixtures().join(current()).join("drift/baseline.json"), file.path()).unwrap();
    change(file.path(), unknown_field);
    assert!(file.read().unwrap().is_some());
    change(file.path(), later);
    refused(&file.read().unwrap_err());
}

#[test]
fn kept_results() {
    use crate::decisions::{KeptResults, Results};

    let home = tempfile::tempdir().unwrap();
    super::copy(&fixtures().join(current()).join("results"), &home.path().join("results"));
    let path = super::files(home.path()).remove(0);
    let path = home.path().join(path);
    let read = || {
        let mut results = Results::default();
        KeptResults::new(home.path()).add_to(&mut results, None).unwrap();
        results
    };
    change(&path, unknown_field);
    assert!(read().damaged.is_empty());
    change(&path, later);
    let found = read();
    assert!(found.damaged[0].causes[0].contains("its version is 99"), "{:?}", found.damaged);
    assert!(found.of("image-properties").is_none());
}
