use std::os::unix::fs::PermissionsExt as _;

use jiff::ToSpan as _;
use omega_core::{CancelToken, Clock, Entry};

use super::*;
use crate::acceptance::{
    Answer, Chart, Files, KEPT_FOR, Outcome, PlannedItem, ReportDirectory, Verdict, read,
};

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
    Files::write(&run, &report).unwrap();
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
    let files = Files::write(&run, &report).unwrap();
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
    let mut files = Files::write(&run, &report).unwrap();
    files.copy_to(&copies).unwrap();
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

/// A run that is killed has written no report: each item that it had finished is there, and the rest is checked.
#[tokio::test(start_paused = true)]
async fn a_killed_run_is_continued_from_what_it_had_finished() {
    let (_home, runs) = runs();
    let acceptance = Scenario::Good.acceptance().unwrap();
    let run = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx().now()).unwrap();
    let selection = Selection::default();
    // Vault does not answer before it is killed.
    let mut stuck = Scenario::Good.acceptance().unwrap();
    stuck.items[5] = Box::new(Never(ItemId::Vault));
    let ctx_of_it = ctx();
    let killed = stuck.run(&selection, &run, &ctx_of_it);
    let after = tokio::time::timeout(Duration::from_mins(10), killed).await;
    assert!(after.is_err(), "it was dropped while it waited");
    let id = run.id.clone();
    drop(run);
    let before = read(&runs, &id).unwrap();
    assert!(before.interrupted);
    let done: Vec<_> = before.items.iter().filter(|item| item.is_settled()).collect();
    let done: Vec<_> = done.into_iter().map(|item| item.id.name()).collect();
    assert_eq!(done, ["D-011.1", "D-011.2", "D-011.3", "D-011.4", "D-011.5"]);
    let Outcome::NotRun { why, .. } = &before.items[5].outcome else { panic!("{before:?}") };
    assert!(why.contains("was killed"), "{why}");

    let again = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx().now()).unwrap();
    let selection = selection.resuming(before);
    let planned = acceptance.plan(&selection, ctx().now());
    let planned: Vec<_> =
        planned.iter().filter(|one| !is_kept(one)).map(|one| one.id.name()).collect();
    assert_eq!(planned, ["D-011.6", "D-011.7", "D-011.8"]);
    let after = acceptance.run(&selection, &again, &ctx()).await.unwrap();
    assert_eq!(after.verdict, Verdict::Accepted);
    let kept = after.items.iter().filter(|item| item.kept_from.as_deref() == Some(&id)).count();
    assert_eq!(kept, 5);
    // Killed again, what the first had is still known.
    let second = again.id.clone();
    drop(again);
    assert!(read(&runs, &second).unwrap().items.iter().all(super::super::ItemReport::is_settled));

    // What was edited is not believed, whichever part it is.
    let part = runs_path(&runs, &id, "D-011.2.json");
    std::fs::write(&part, std::fs::read_to_string(&part).unwrap().replace("200", "300")).unwrap();
    assert_eq!(read(&runs, &id).unwrap_err().class, FailureClass::Refused);
    // And a run that had not begun has nothing.
    let empty = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx().now()).unwrap();
    let failure = read(&runs, &empty.id).unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(failure.next.unwrap().contains("without --resume"));
}

fn runs_path(runs: &Runs, id: &str, name: &str) -> std::path::PathBuf {
    let kept = runs.documents(id).unwrap();
    assert!(kept.iter().any(|one| one == name), "{kept:?}");
    runs.directory(id).unwrap().join(name)
}

/// It is asked, and never answers. Dropping it is what a kill does.
struct Never(ItemId);

#[async_trait]
impl Item for Never {
    fn id(&self) -> ItemId {
        self.0
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    async fn check(&self, _: &Context) -> Answer {
        std::future::pending().await
    }
}

/// A plan says of an item that an earlier run's result counts.
fn is_kept(item: &PlannedItem) -> bool {
    item.not_checked.as_ref().is_some_and(|why| why.ends_with("is kept"))
}

/// Another site file asks for something else: nothing that passed is kept.
#[tokio::test]
async fn nothing_is_kept_of_another_site_file_or_of_yesterday() {
    let (_home, runs) = runs();
    let begin = || runs.begin(&Job::new("accept", "site", Vec::new()), ctx().now()).unwrap();
    let of = |digest: &str| {
        let mut acceptance = Scenario::SealedVault.acceptance().unwrap();
        acceptance.site_sha256 = Some(digest.to_owned());
        acceptance
    };
    let run = begin();
    let before = of("a").run(&Selection::default(), &run, &ctx()).await.unwrap();
    let selection = Selection::default().resuming(before);
    let kept = async |acceptance: &Acceptance, ctx: &Context| {
        let report = acceptance.run(&selection, &begin(), ctx).await.unwrap();
        let kept: Vec<_> = report.items.iter().filter_map(super::super::ItemReport::kept).collect();
        (kept, report.not_kept)
    };
    let (same, why) = kept(&of("a"), &ctx()).await;
    assert_eq!((same.len(), why), (6, None));
    assert_eq!(same[0], format!("checked 2026-11-28 09:00 UTC by run {}", run.id));

    let (other, why) = kept(&of("b"), &ctx()).await;
    assert_eq!(other, [""; 0]);
    assert!(why.unwrap().contains("the site file has changed since run"));
    let planned = |acceptance: &Acceptance, now| {
        acceptance.plan(&selection, now).iter().filter(|one| !is_kept(one)).count()
    };
    assert_eq!(planned(&of("b"), ctx().now()), 8);

    let limit = i64::try_from(KEPT_FOR.as_secs()).unwrap();
    let at = |seconds: i64| ctx().now() + seconds.seconds();
    assert_eq!(planned(&of("a"), at(limit)), 2);
    assert_eq!(planned(&of("a"), at(limit + 1)), 8);
}

/// An unsigned report is not beside the signature of the one before.
#[tokio::test]
async fn a_stale_signature_does_not_stay_beside_another_report() {
    let (home, runs) = runs();
    let (report, run) = rehearse(Scenario::BlockedUnit, &runs, &ctx()).await.unwrap();
    let copies = home.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    std::fs::write(copies.join("report.json.sig"), "of another").unwrap();
    Files::write(&run, &report).unwrap().copy_to(&copies).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(&copies).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["report.html", "report.json", "report.xml"]);
}

/// A report that can't be copied whole is not mixed with the one that is there.
#[tokio::test]
async fn copies_are_all_or_none() {
    let (home, runs) = runs();
    let (report, run) = rehearse(Scenario::BlockedUnit, &runs, &ctx()).await.unwrap();
    let copies = home.path().join("copies");
    std::fs::create_dir_all(copies.join("report.html")).unwrap();
    std::fs::write(copies.join("report.json"), "old").unwrap();
    let failure = Files::write(&run, &report).unwrap().copy_to(&copies).unwrap_err();
    assert!(failure.next.unwrap().contains("--report-dir"));
    assert_eq!(std::fs::read_to_string(copies.join("report.json")).unwrap(), "old");
}

#[test]
fn a_report_directory_is_of_one_run_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let first = ReportDirectory::open(&home.path().join("reports"), "first").unwrap();
    let failure = ReportDirectory::open(first.path(), "second").unwrap_err();
    assert_eq!(failure.class, FailureClass::Locked);
    assert!(failure.message.contains("first, process "), "{failure:?}");
    let path = first.path().to_path_buf();
    drop(first);
    drop(ReportDirectory::open(&path, "second").unwrap());
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(ReportDirectory::open(&file, "x").unwrap_err().class, FailureClass::Usage);
}

/// Every kind of chart that a report can have, for tests/page.
#[tokio::test]
async fn a_rehearsal_draws_a_creation_a_failover_and_a_transfer() {
    let (_home, runs) = runs();
    let (report, _) = rehearse(Scenario::Good, &runs, &ctx()).await.unwrap();
    let titles: Vec<_> =
        report.items.iter().flat_map(|item| &item.charts).map(Chart::title).collect();
    assert_eq!(
        titles,
        [
            "Time to answer, by service",
            "Time to answer, from the tenant's server",
            "Failover of the load balancer of the API",
            "Creation of the cluster, by stage",
            "Transfer of image ubuntu-jammy-kube-v1.34.8 (run 2026-11-28T08-20-11Z-5e1f)",
            "Time to answer, by unit of Vault",
        ]
    );
    let cluster = report.items.iter().find(|item| item.id == ItemId::Cluster).unwrap();
    let Chart::Stages { stages, .. } = &cluster.charts[0] else { panic!("{cluster:?}") };
    assert_eq!(stages.len(), 4);
}
