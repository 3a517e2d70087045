use std::os::unix::fs::PermissionsExt as _;

use omega_core::{CancelToken, Clock, Entry};

use super::*;
use crate::acceptance::{Files, Outcome, Verdict, read};

fn runs() -> (tempfile::TempDir, Runs) {
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    (home, runs)
}

fn ctx() -> Context {
    Context::default().with_clock(Clock::Fixed("2026-11-28T09:00:00Z".parse().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn each_deficient_cloud_fails_in_its_item_and_the_good_one_in_none() {
    let (_home, runs) = runs();
    for scenario in Scenario::ALL {
        let (report, _) = rehearse(scenario, &runs, &ctx()).await.unwrap();
        let verdict = if scenario == Scenario::Good { Verdict::Accepted } else { Verdict::Failed };
        assert_eq!(report.verdict, verdict, "{scenario:?}");
        let summary =
            report.worst_first().first().map(|item| format!("{} {}", item.id, item.summary()));
        let summary = without_random_names(&summary.unwrap());
        insta::assert_snapshot!(format!("summary_{}", scenario.name()), summary);
    }
}

/// The end of a throw-away service's name is random.
fn without_random_names(text: &str) -> String {
    const NAMED: &str = "omega-lb-20261128090000-";
    let mut parts = text.split(NAMED);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, rest| format!("{all}omega-lb{}", &rest[6..]))
}

#[tokio::test]
async fn what_passed_is_kept_and_the_rest_is_checked_again() {
    let (_home, runs) = runs();
    let (report, run) = rehearse(Scenario::SealedVault, &runs, &ctx()).await.unwrap();
    Files::write(&run, &report, None).unwrap();
    let before = read(&runs, &run.id).unwrap();
    assert_eq!(before, report);
    let again = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx().now()).unwrap();
    let acceptance = Scenario::Good.acceptance().unwrap();
    let selection = Selection::default().resuming(before);
    let after = acceptance.run(&selection, &again, &ctx()).await.unwrap();
    let kept: Vec<_> = after.items.iter().filter(|item| item.kept_from.is_some()).collect();
    let kept: Vec<_> = kept.into_iter().map(|item| item.id.name()).collect();
    assert_eq!(kept, ["D-011.1", "D-011.2", "D-011.3", "D-011.5", "D-011.7", "D-011.8"]);
    assert_eq!(after.items[5].outcome, Outcome::Passed, "Vault is unsealed now");
    assert_eq!(after.resumes.as_deref(), Some(run.id.as_str()));

    let mut other = report;
    other.endpoints.insert("cloud".to_owned(), "https://elsewhere:5000/".to_owned());
    let failure = acceptance.is_of_this_site(&other).unwrap_err();
    assert_eq!(failure.class, FailureClass::Refused);
}

#[tokio::test]
async fn an_edited_report_is_not_continued() {
    let (_home, runs) = runs();
    let (report, run) = rehearse(Scenario::SealedVault, &runs, &ctx()).await.unwrap();
    let files = Files::write(&run, &report, None).unwrap();
    let text = std::fs::read_to_string(&files.json).unwrap();
    std::fs::write(&files.json, text.replace("it is sealed", "it is unsealed")).unwrap();
    let failure = read(&runs, &run.id).unwrap_err();
    assert_eq!(failure.class, FailureClass::Refused);
    assert!(failure.causes[0].contains("it was edited or damaged"), "{failure:?}");
}

#[tokio::test]
async fn an_interrupted_run_reports_what_it_has() {
    let (_home, runs) = runs();
    let cancel = CancelToken::default();
    cancel.cancel();
    let (report, _) = rehearse(Scenario::Good, &runs, &ctx().with_cancel(cancel)).await.unwrap();
    assert!(report.interrupted);
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert!(report.items.iter().all(|item| matches!(item.outcome, Outcome::NotRun { .. })));
    let late = tokio::time::Instant::now();
    let (report, _) = rehearse(Scenario::Good, &runs, &ctx().with_deadline(late)).await.unwrap();
    let Outcome::NotRun { why, .. } = &report.items[0].outcome else { panic!("{report:?}") };
    assert!(report.interrupted && why.contains("deadline"), "{why}");
}

#[tokio::test]
async fn one_item_alone_is_never_the_whole() {
    let (_home, runs) = runs();
    let run = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx().now()).unwrap();
    let selection = Selection::only(vec![ItemId::Vault]);
    let report = Scenario::Good.acceptance().unwrap().run(&selection, &run, &ctx()).await.unwrap();
    assert_eq!(report.items.len(), 1);
    assert_eq!(report.not_selected.len(), 7);
    assert_eq!((report.status().code(), report.verdict), (0, Verdict::Incomplete));
}

#[tokio::test]
async fn the_three_forms_are_private_and_their_digests_are_in_the_journal() {
    let (home, runs) = runs();
    let (report, run) = rehearse(Scenario::BlockedUnit, &runs, &ctx()).await.unwrap();
    let copies = home.path().join("reports/today");
    let files = Files::write(&run, &report, Some(&copies)).unwrap();
    for (path, name) in
        [(&files.json, "report.json"), (&files.junit, "report.xml"), (&files.html, "report.html")]
    {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        assert_eq!(std::fs::read(path).unwrap(), std::fs::read(copies.join(name)).unwrap());
    }
    let entries = runs.entries(&run.id).unwrap();
    let recorded = Entry::Document { name: "report.json".to_owned(), sha256: files.sha256 };
    assert!(entries.contains(&recorded), "{entries:?}");
    let page = std::fs::read_to_string(&files.html).unwrap();
    assert!(page.contains(&files.sha256.to_string()));
}
