//! Each recording is read and used by this version.

use std::{fs, path::Path};

use omega_core::{
    Context, FailureClass,
    run::{Approved, Engine, Outcome, PlanFile, RunInfo, Runs, Status},
    testing::Fault,
};
use omega_juju::gates::LeftoverPolicy;

use super::{
    RECORDED, files, fixtures,
    recording::{LOST, START},
    state,
};
use crate::{acceptance, drift::Baselines, rollback::rollback, sweep, test_harness::Site};

/// The parts of a recording that are directories of runs, with how their newest run ended.
const STATES: [(&str, Outcome); 7] = [
    ("done", Outcome::Done),
    ("rolled-back", Outcome::Done),
    ("failed", Outcome::Failed),
    ("killed", Outcome::Killed),
    ("temporary", Outcome::Killed),
    ("acceptance", Outcome::Failed),
    ("acceptance-killed", Outcome::Killed),
];

/// Each recording that has `part`.
fn with(part: &str) -> impl Iterator<Item = &'static str> {
    RECORDED.into_iter().filter(move |one| fixtures().join(one).join(part).exists())
}

fn newest(runs: &Runs) -> RunInfo {
    let (all, damaged) = runs.all().unwrap();
    assert!(damaged.is_empty(), "{damaged:?}");
    all.into_iter().next().unwrap()
}

#[test]
fn every_run_is_listed_with_its_end_and_read_whole() {
    for (part, expected) in STATES {
        for recording in with(part) {
            let (_home, runs) = state(recording, part);
            let newest = newest(&runs);
            let found = runs.outcome(&newest);
            assert_eq!(found.outcome, expected, "{recording}/{part}");
            assert!(found.seconds.is_some(), "{recording}/{part}");
            let entries = runs.entries(&newest.id).unwrap();
            let path = runs.directory(&newest.id).unwrap().join("journal.jsonl");
            let lines = fs::read_to_string(path).unwrap().lines().count();
            assert_eq!(entries.len(), lines - 1, "{recording}/{part}: every line but the first");
            assert_eq!(runs.resolve("latest").unwrap(), newest.id, "{recording}/{part}");
        }
    }
    assert_eq!(with("done").collect::<Vec<_>>(), RECORDED, "every recording has a run");
}

/// The plan of a version that did not know its site is shown, and is not applied.
#[tokio::test]
async fn every_plan_is_shown_and_what_knows_its_site_is_applied() {
    for recording in with("plan.json") {
        let path = fixtures().join(recording).join("plan.json");
        assert!(!PlanFile::open(&path).unwrap().targets.is_empty(), "{recording}");
        let site = Site::new(&[START]);
        let job = site.job(LeftoverPolicy::Remove).await;
        let plan = PlanFile::read(&path, "graft").unwrap();
        let version = plan.schema_version;
        let applied = site.engine().apply(&job, Approved::Plan(plan)).await;
        if version == 1 {
            let failure = applied.unwrap_err();
            assert_eq!(failure.class, FailureClass::Stale, "{recording}");
            assert!(failure.message.contains("an older version"), "{failure:?}");
            assert_eq!(site.writes(), 0);
        } else {
            assert_eq!(applied.unwrap().exit, Status::Done, "{recording}");
        }
    }
}

/// The unit is as the recorded run left it: this version makes the same, with the same earlier files kept.
#[tokio::test]
async fn every_run_is_rolled_back() {
    for recording in with("done") {
        let (_home, runs) = state(recording, "done");
        let site = Site::new(&[START]);
        let before = site.everything();
        assert_eq!(site.apply().await.unwrap().exit, Status::Done);
        let run = newest(&runs).id;
        let engine = Engine::new(runs.clone(), Context::default());
        let back = rollback(&runs, Some(&run), "omega.toml", &(&site.clients).into()).await;
        let back = back.unwrap_or_else(|failure| panic!("{recording}: {failure:#?}"));
        let report = engine.apply(&back.job, Approved::Now).await.unwrap();
        assert_eq!(report.exit, Status::Done, "{recording}: {report:#?}");
        assert!(report.recap.changed > 3, "{recording}: {:?}", report.recap);
        restored(&site, &before, recording);
        let again = rollback(&runs, Some(&run), "omega.toml", &(&site.clients).into()).await;
        assert!(
            again.unwrap().already.is_some(),
            "{recording}: it is known that it was rolled back"
        );
    }
}

fn restored(site: &Site, before: &crate::test_harness::Everything, what: &str) {
    let after = site.units[0].snapshot();
    assert_eq!(after.files, before.units[0].files, "{what}");
    assert_eq!(after.packages, before.units[0].packages, "{what}");
    assert_eq!(site.cloud.groups(), before.rules, "{what}");
}

/// A run that rolled another one back is known as that.
#[test]
fn what_was_rolled_back_is_known() {
    for recording in with("rolled-back") {
        let (_home, runs) = state(recording, "rolled-back");
        let (all, _) = runs.all().unwrap();
        let [back, first] = all.as_slice() else { panic!("{recording}: {all:?}") };
        assert_eq!(back.rolls_back, std::slice::from_ref(&first.id), "{recording}");
        let by = omega_core::run::rolled_back_by(&runs, first, &all);
        assert_eq!(by, Some(back), "{recording}");
    }
}

/// Applied once more, a graft that failed or was killed is finished; and both runs are rolled back as one.
#[tokio::test]
async fn every_unfinished_run_is_resumed_and_rolled_back_with_what_resumed_it() {
    for part in ["failed", "killed"] {
        for recording in with(part) {
            let what = format!("{recording}/{part}");
            let (_home, runs) = state(recording, part);
            let mut site = Site::new(&[START]);
            let before = site.everything();
            // As far as the recorded run came, or less: what it had not done is done by this one.
            let write = if part == "failed" { LOST } else { 1 };
            site.units[0].inject_fault(write, Fault::Lost);
            assert_ne!(site.apply().await.unwrap().exit, Status::Done);
            site.runs = runs;
            let report = site.apply().await.unwrap();
            assert_eq!(report.exit, Status::Done, "{what}: {report:#?}");
            let clients = (&site.clients).into();
            let back = rollback(&site.runs, None, "omega.toml", &clients).await.unwrap();
            assert_eq!(back.runs.len(), 2, "{what}");
            let report = site.engine().apply(&back.job, Approved::Now).await.unwrap();
            assert_eq!(report.exit, Status::Done, "{what}: {report:#?}");
            restored(&site, &before, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_is_swept() {
    for recording in with("temporary") {
        let (_home, runs) = state(recording, "temporary");
        let site = Site::new(&[START]);
        let left = runs.leftovers().unwrap();
        assert_eq!(left.len(), 1, "{recording}");
        let swept = sweep(&runs, &Context::default(), &(&site.clients).into()).await.unwrap();
        assert_eq!(swept.len(), 1, "{recording}");
        assert!(swept[0].1.is_ok(), "{recording}: {swept:?}");
        assert_eq!(runs.leftovers().unwrap(), [], "{recording}: its journal says that it is gone");
    }
}

#[test]
fn every_report_of_an_acceptance_is_continued() {
    for part in ["acceptance", "acceptance-killed"] {
        for recording in with(part) {
            let (_home, runs) = state(recording, part);
            let report = acceptance::read(&runs, &newest(&runs).id).unwrap();
            assert_eq!(report.items.len(), 8, "{recording}/{part}");
            let settled = report.items.iter().filter(|item| item.is_settled()).count();
            assert!(settled >= 6, "{recording}/{part}: {settled}");
        }
    }
}

#[test]
fn every_baseline_is_compared_with() {
    for recording in with("drift") {
        let home = tempfile::tempdir().unwrap();
        let file = Baselines::new(home.path()).take(&home.path().join("omega.toml")).unwrap();
        fs::copy(fixtures().join(recording).join("drift/baseline.json"), file.path()).unwrap();
        let baseline = file.read().unwrap().unwrap();
        assert_eq!(baseline.looks, 2, "{recording}");
        assert!(!baseline.records.is_empty() && !baseline.open.is_empty(), "{recording}");
    }
}

#[test]
fn every_kept_result_is_shown() {
    use crate::decisions::{KeptResults, Results};

    for recording in with("results") {
        let home = tempfile::tempdir().unwrap();
        super::copy(&fixtures().join(recording).join("results"), &home.path().join("results"));
        let mut results = Results::default();
        KeptResults::new(home.path()).add_to(&mut results, None).unwrap();
        assert!(results.damaged.is_empty(), "{recording}: {:?}", results.damaged);
        assert!(results.of("image-properties").is_some(), "{recording}");
    }
}

/// The kubeconfig that the graft sends to a unit, and the token and key in it.
#[test]
fn nothing_that_is_stored_has_the_kubeconfig() {
    let kubeconfig = omega_juju::sim::KUBECONFIG;
    let data = kubeconfig.lines().filter_map(|line| line.trim().split_once("key-data: "));
    let keys: Vec<&str> = data.map(|(_, key)| key).collect();
    assert_eq!(keys.len(), 1);
    // The first characters of a key only say what it is.
    let parts: Vec<&str> = keys.iter().filter_map(|key| key.get(60..100)).collect();
    for recording in RECORDED {
        let home = fixtures().join(recording);
        for file in files(&home) {
            let text = fs::read_to_string(home.join(&file)).unwrap();
            assert!(parts.iter().all(|part| !text.contains(part)), "{recording}: {file:?}");
        }
    }
}

/// No key of a site file was ever removed without a word about it.
#[test]
fn every_site_file_is_understood() {
    for recording in with("site.toml") {
        let path = fixtures().join(recording).join("site.toml");
        let text = fs::read_to_string(&path).unwrap();
        let site = crate::site::Site::parse(Path::new("omega.toml"), &text)
            .unwrap_or_else(|error| panic!("{recording}: {error}"));
        assert!(site.is_complete_for_graft().is_ok(), "{recording}");
    }
    assert_eq!(with("site.toml").collect::<Vec<_>>(), RECORDED);
}

/// Whoever adds a part to the recording, adds a test that uses it.
#[test]
fn every_part_of_a_recording_is_used() {
    let known: Vec<_> = STATES.iter().map(|(part, _)| *part).collect();
    let known = [&known[..], &["plan.json", "drift", "results", "site.toml"]].concat();
    for recording in RECORDED {
        for file in files(&fixtures().join(recording)) {
            let part = file.iter().next().unwrap().to_str().unwrap();
            assert!(known.contains(&part), "{recording}/{part} is not used");
        }
    }
}
