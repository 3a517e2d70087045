use omega_core::{
    ChangeKind, Diff, Subject,
    run::{Approved, Report, Status},
    testing::Fault,
};
use omega_juju::{operations::InjectConfigDir, sim::Start};

use super::*;
use crate::test_harness::Site;

async fn go_back(site: &Site, run: Option<&str>) -> (Report, Vec<String>) {
    let back = rollback(&site.runs, run, "omega.toml", &(&site.clients).into()).await.unwrap();
    let report = site.engine().apply(&back.job, Approved::Now).await.unwrap();
    (report, back.runs.into_iter().map(|run| run.id).collect())
}

#[tokio::test]
async fn a_graft_can_be_taken_back() {
    for start in [Start::Fresh, Start::Grafted130, Start::HookRewrote, Start::HalfFinished] {
        taken_back(start).await;
    }
}

#[tokio::test]
async fn a_graft_over_the_superseded_one_can_be_taken_back() {
    taken_back(Start::Superseded).await;
}

async fn taken_back(start: Start) {
    let site = Site::new(&[start]);
    let unit = &site.units[0];
    let (before, rules) = (unit.snapshot(), site.cloud.groups());
    // What the daemons are then started with is what the disk says, not what ran before.
    let restarted = unit.copy();
    restarted.reload();
    restarted.restart("magnum-conductor");
    restarted.restart("magnum-api");
    assert_eq!(site.apply().await.unwrap().exit, Status::Done, "{}", start.name());
    assert_ne!(unit.snapshot(), before, "{}", start.name());
    let run = site.runs.all().unwrap().0.remove(0);
    let (report, _) = go_back(&site, Some(&run.id)).await;
    assert_eq!(report.exit, Status::Done, "{}: {report:#?}", start.name());
    let after = unit.snapshot();
    assert_eq!(after.files, before.files, "{}", start.name());
    assert_eq!(after.packages, before.packages, "{}", start.name());
    assert_eq!(after.services, restarted.snapshot().services, "{}", start.name());
    assert_eq!(site.cloud.groups(), rules, "{}", start.name());
    let writes = site.writes();
    let (again, _) = go_back(&site, Some(&run.id)).await;
    assert_eq!((again.exit, again.recap.changed), (Status::Done, 0), "{}", start.name());
    assert_eq!(site.writes(), writes, "{}", start.name());
}

/// A graft that was stopped half-way and run again is one graft to who takes it back.
#[tokio::test]
async fn a_resumed_graft_is_taken_back_whole() {
    let site = Site::new(&[Start::Fresh]);
    let unit = &site.units[0];
    let before = unit.snapshot().files;
    unit.fill_disk_late();
    assert_ne!(site.apply().await.unwrap().exit, Status::Done);
    unit.fill_disk(false);
    assert_eq!(site.apply().await.unwrap().exit, Status::Done);
    let here = site.clients.endpoints();
    let chain = all_back(&site).await;
    assert_eq!(chain.len(), 2);
    assert_eq!(unit.snapshot().files, before);

    // Once more finds the same runs, and nothing to do; a graft after that is one by itself.
    let all = site.runs.all().unwrap().0;
    assert_eq!(last_run(&site.runs, GRAFT, &all, &here).unwrap()[0].id, chain[0]);
    assert_eq!(site.apply().await.unwrap().exit, Status::Done);
    let all = site.runs.all().unwrap().0;
    assert_eq!(last_run(&site.runs, GRAFT, &all, &here).unwrap(), [&all[0]]);
}

/// Wherever it stopped: also between two changes of one fact, of which the second run has fewer.
#[tokio::test]
async fn a_graft_that_lost_its_connection_anywhere_is_taken_back_whole() {
    for nth in 0.. {
        let site = Site::new(&[Start::Superseded]);
        let unit = &site.units[0];
        let before = unit.snapshot();
        unit.inject_fault(nth, Fault::Lost);
        if site.apply().await.unwrap().exit == Status::Done {
            assert!(nth > 8, "only {nth} writes");
            break;
        }
        assert_eq!(site.apply().await.unwrap().exit, Status::Done, "write {nth}");
        all_back(&site).await;
        let after = unit.snapshot();
        assert_eq!(after.files, before.files, "write {nth}");
        assert_eq!(after.packages, before.packages, "write {nth}");
    }
}

/// The newest first: what the first rollback restarts may hold what the second one removes.
#[tokio::test]
async fn the_runs_of_a_graft_that_stopped_anywhere_are_taken_back_one_by_one() {
    for nth in 0.. {
        let site = Site::new(&[Start::Fresh]);
        let unit = &site.units[0];
        let before = unit.snapshot();
        unit.inject_fault(nth, Fault::Lost);
        if site.apply().await.unwrap().exit == Status::Done {
            assert!(nth > 7, "only {nth} writes");
            break;
        }
        assert_eq!(site.apply().await.unwrap().exit, Status::Done, "write {nth}");
        for run in site.runs.all().unwrap().0 {
            let (report, _) = go_back(&site, Some(&run.id)).await;
            assert_eq!(report.exit, Status::Done, "write {nth}: {report:#?}");
        }
        let after = unit.snapshot();
        assert_eq!(after.files, before.files, "write {nth}");
        assert_eq!(after.packages, before.packages, "write {nth}");
        assert_eq!(after.services, before.services, "write {nth}");
    }
}

/// Takes back the last graft with what it resumed; returns the runs, the newest first.
async fn all_back(site: &Site) -> Vec<String> {
    let (report, runs) = go_back(site, None).await;
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    runs
}

/// The run of one operation is undone by its id, and the run that undoes it has its name.
#[tokio::test]
async fn a_run_of_one_operation_can_be_taken_back() {
    let site = Site::new(&[Start::Fresh]);
    let before = site.everything();
    let unit = &site.clients.units[0];
    let items = vec![Item::Step(step(unit, InjectConfigDir::graft()))];
    let target = TargetPlan::unit(unit.label(), vec![Section::new("", "", items)]);
    let job = Job::new("inject-config-dir", "omega.toml", vec![target]);
    let job = job.on(site.clients.endpoints(), site.clients.counts());
    let ran = site.engine().apply(&job, Approved::Now).await.unwrap();
    assert_eq!((ran.exit, ran.reversible), (Status::Done, true));
    assert_ne!(site.everything(), before);
    let (report, undone) = go_back(&site, ran.run.as_deref()).await;
    assert_eq!((report.exit, report.task.as_str()), (Status::Done, "inject-config-dir"));
    assert!(!report.reversible, "a rollback is not offered to be rolled back");
    assert_eq!(undone, [ran.run.unwrap()]);
    assert_eq!(site.units[0].snapshot().files, before.units[0].files);
}

/// Every site's unit is called magnum/0.
#[tokio::test]
async fn another_sites_run_is_left_alone() {
    let (mine, theirs) = (Site::new(&[Start::Fresh]), Site::new(&[Start::Fresh]));
    assert_eq!(theirs.apply().await.unwrap().exit, Status::Done);
    let all = theirs.runs.all().unwrap().0;
    let mut here = mine.clients.endpoints();
    here.insert("cloud".to_owned(), "https://keystone.elsewhere".to_owned());
    let error = last_run(&theirs.runs, GRAFT, &all, &here).unwrap_err();
    assert!(error.message.contains("has changed this site"), "{error:?}");
    let error = named_run(&all[0].id, &all, &here).unwrap_err();
    assert_eq!(error.found.as_deref(), Some("cloud: https://keystone.elsewhere"), "{error:?}");
    assert!(named_run(&all[0].id, &all, &theirs.clients.endpoints()).is_ok());
}

/// A run that was killed between a restart and its record has left a process that nobody dated.
#[tokio::test]
async fn a_restart_that_was_not_recorded_is_done_again() {
    let site = Site::new(&[Start::Fresh]);
    assert_eq!(site.apply().await.unwrap().exit, Status::Done);
    let run = site.runs.all().unwrap().0.remove(0);
    let journal = site.home.path().join("runs").join(&run.id).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let cut = text.rfind("{\"entry\":\"verified\"").unwrap();
    std::fs::write(&journal, &text[..cut]).unwrap();
    let left = left_running(&site.runs, &run, std::slice::from_ref(&run), "magnum/0");
    assert_eq!(left, Left::Unknown);
    let api = |site: &Site| site.units[0].snapshot().services["magnum-api"].clone();
    let before = api(&site);
    assert_eq!(go_back(&site, Some(&run.id)).await.0.exit, Status::Done);
    assert_ne!(api(&site), before, "it held the driver that is gone");
    let all = site.runs.all().unwrap().0;
    let left = left_running(&site.runs, &run, &all, "magnum/0");
    assert_eq!(left, Left::Known(Vec::new()), "once is enough");
}

/// The charm's configuration, which no unit of the conductor has to do with.
#[tokio::test(start_paused = true)]
async fn the_configuration_of_a_charm_is_restored() {
    use omega_juju::{charm, sim::Juju};

    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let juju = Juju::nova_compute(2, 1);
    juju.configure("reserved-host-memory", serde_json::json!(1024));
    let model = Arc::new(charm::Model::open(Arc::new(juju.clone())).await.unwrap());
    let clients = PartialClients::from(Arc::clone(&model));
    let before = juju.snapshot();
    let settings = [("reserved-host-memory", "8192"), ("resume-guests-state-on-host-boot", "true")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = charm::CharmConfig::new("nova-compute", settings.into()).unwrap();
    let section = Section::new("", "", vec![Item::Step(step(&model, config))]);
    let target = TargetPlan::shared(model.label(), vec![section]);
    let job = Job::new("ensure-charm-config", "omega.toml", vec![target]);
    let job = job.on(clients.endpoints(), clients.counts());
    let engine = omega_core::run::Engine::new(runs.clone(), omega_core::Context::default());
    let report = engine.apply(&job, Approved::Now).await.unwrap();
    assert_eq!((report.exit, report.recap.changed), (Status::Done, 1), "{report:#?}");
    assert_ne!(juju.snapshot(), before);

    let run = runs.all().unwrap().0.remove(0).id;
    let back = rollback(&runs, Some(&run), "omega.toml", &clients).await.unwrap();
    let report = engine.apply(&back.job, Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    assert_eq!(juju.snapshot(), before);
    assert_eq!(juju.writes(), 3, "one to set; back, one to set and one to reset");
}

#[test]
fn what_cannot_be_undone_is_named_once_and_a_restart_needs_no_undo() {
    let entry = |kind: &str, temporary| Entry::Intent {
        step: StepId { target: "magnum/0".into(), kind: kind.into(), key: "k".into() },
        desired: serde_json::Value::Null,
        changes: vec![Diff::new(
            ChangeKind::Update,
            Subject::new("service", "magnum-conductor"),
            "restart",
        )],
        undo: None,
        temporary,
        cleanup: None,
    };
    let intent = |kind: &str| entry(kind, false);
    let restarts = [intent(ConvergeServices::KIND), intent(ConvergeServices::KIND)];
    assert_eq!(one_way(&restarts), ["magnum/0: service magnum-conductor"]);
    assert!(only_restarts(&restarts));
    assert!(!only_restarts(&[intent(ConvergeServices::KIND), intent("other")]));
    // What a run made for itself is gone.
    let proof = [entry("other", true), intent(ConvergeServices::KIND)];
    assert_eq!(one_way(&proof).len(), 1);
    assert!(only_restarts(&proof));
    assert!(one_way(&[entry("other", true)]).is_empty());
}
