use omega_core::testing::Fault;
use omega_juju::{operations::LeftoverPolicy, sim::Start};

use super::*;
use crate::engine::{Report, rig::Rig};

async fn go_back(rig: &Rig, run: &RunInfo) -> Report {
    let events = rig.runs.events(&run.id).unwrap();
    let all = rig.runs.all().unwrap().0;
    let legs = legs(&rig.runs, &[run], &all, &events, &rig.world).await.unwrap();
    let task = Task {
        name: "graft".to_owned(),
        site: "omega.toml".to_owned(),
        again: "omega-cli rollback graft".to_owned(),
        legs,
        afterwards: Vec::new(),
        pre_state: None,
        counts: rig.world.counts(),
        endpoints: rig.world.endpoints(),
        rolls_back: vec![run.id.clone()],
        way_back: WayBack::None,
    };
    rig.engine().apply(&task, Approved::Now).await.unwrap()
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
    let rig = Rig::new(&[start]);
    let unit = &rig.units[0];
    let (before, rules) = (unit.snapshot(), rig.cloud.groups());
    // What the daemons are then started with is what the disk says, not what ran before.
    let restarted = unit.copy();
    restarted.reload();
    restarted.restart("magnum-conductor");
    restarted.restart("magnum-api");
    assert_eq!(rig.apply().await.unwrap().exit(), Exit::Done, "{}", start.name());
    assert_ne!(unit.snapshot(), before, "{}", start.name());
    let run = rig.runs.all().unwrap().0.remove(0);
    let report = go_back(&rig, &run).await;
    assert_eq!(report.exit(), Exit::Done, "{}: {report:#?}", start.name());
    let after = unit.snapshot();
    assert_eq!(after.files, before.files, "{}", start.name());
    assert_eq!(after.packages, before.packages, "{}", start.name());
    assert_eq!(after.services, restarted.snapshot().services, "{}", start.name());
    assert_eq!(rig.cloud.groups(), rules, "{}", start.name());
    let writes = rig.writes();
    let again = go_back(&rig, &run).await;
    assert_eq!((again.exit(), again.changed()), (Exit::Done, 0), "{}", start.name());
    assert_eq!(rig.writes(), writes, "{}", start.name());
}

/// A graft that was stopped half-way and run again is one graft to who takes it back.
#[tokio::test]
async fn a_resumed_graft_is_taken_back_whole() {
    let rig = Rig::new(&[Start::Fresh]);
    let unit = &rig.units[0];
    let before = unit.snapshot().files;
    unit.fill_disk(true);
    assert_ne!(rig.apply().await.unwrap().exit(), Exit::Done);
    unit.fill_disk(false);
    assert_eq!(rig.apply().await.unwrap().exit(), Exit::Done);
    let here = rig.world.endpoints();
    let chain = all_back(&rig).await;
    assert_eq!(chain.len(), 2);
    assert_eq!(unit.snapshot().files, before);

    // Once more finds the same runs, and nothing to do; a graft after that is one by itself.
    let all = rig.runs.all().unwrap().0;
    assert_eq!(behind::last(&rig.runs, &all, &here).unwrap()[0].id, chain[0]);
    assert_eq!(rig.apply().await.unwrap().exit(), Exit::Done);
    let all = rig.runs.all().unwrap().0;
    assert_eq!(behind::last(&rig.runs, &all, &here).unwrap(), [&all[0]]);
}

/// Wherever it stopped: also between two changes of one fact, of which the second run has fewer.
#[tokio::test]
async fn a_graft_that_lost_its_connection_anywhere_is_taken_back_whole() {
    for nth in 0.. {
        let rig = Rig::new(&[Start::Superseded]);
        let unit = &rig.units[0];
        let before = unit.snapshot();
        unit.spoil_write(nth, Fault::Lost);
        if rig.apply().await.unwrap().exit() == Exit::Done {
            assert!(nth > 8, "only {nth} writes");
            break;
        }
        assert_eq!(rig.apply().await.unwrap().exit(), Exit::Done, "write {nth}");
        all_back(&rig).await;
        let after = unit.snapshot();
        assert_eq!(after.files, before.files, "write {nth}");
        assert_eq!(after.packages, before.packages, "write {nth}");
    }
}

/// Takes back the last graft with what it resumed; returns the runs, the newest first.
async fn all_back(rig: &Rig) -> Vec<String> {
    let all = rig.runs.all().unwrap().0;
    let chain = behind::last(&rig.runs, &all, &rig.world.endpoints()).unwrap();
    let events: Vec<_> =
        chain.iter().rev().flat_map(|run| rig.runs.events(&run.id).unwrap()).collect();
    let legs = legs(&rig.runs, &chain, &all, &events, &rig.world).await.unwrap();
    let ids: Vec<String> = chain.iter().map(|run| run.id.clone()).collect();
    let task = Task {
        legs,
        rolls_back: ids.clone(),
        way_back: WayBack::None,
        ..rig.task(LeftoverPolicy::Remove).await
    };
    let task = Task { afterwards: Vec::new(), pre_state: None, ..task };
    let report = rig.engine().apply(&task, Approved::Now).await.unwrap();
    assert_eq!(report.exit(), Exit::Done, "{report:#?}");
    ids
}

/// Every site's unit is called magnum/0.
#[tokio::test]
async fn another_sites_run_is_left_alone() {
    let (mine, theirs) = (Rig::new(&[Start::Fresh]), Rig::new(&[Start::Fresh]));
    assert_eq!(theirs.apply().await.unwrap().exit(), Exit::Done);
    let all = theirs.runs.all().unwrap().0;
    let mut here = mine.world.endpoints();
    here.insert("cloud".to_owned(), "https://keystone.elsewhere".to_owned());
    let error = behind::last(&theirs.runs, &all, &here).unwrap_err();
    assert!(error.message.contains("has changed this site"), "{error:?}");
    let error = behind::named(&all[0].id, &all, &here).unwrap_err();
    assert_eq!(error.found.as_deref(), Some("cloud: https://keystone.elsewhere"), "{error:?}");
    assert!(behind::named(&all[0].id, &all, &theirs.world.endpoints()).is_ok());
}

/// A run that was killed between a restart and its record has left a process that nobody dated.
#[tokio::test]
async fn a_restart_that_was_not_recorded_is_done_again() {
    let rig = Rig::new(&[Start::Fresh]);
    assert_eq!(rig.apply().await.unwrap().exit(), Exit::Done);
    let run = rig.runs.all().unwrap().0.remove(0);
    let journal = rig.home.path().join("runs").join(&run.id).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let cut = text.rfind("{\"event\":\"verified\"").unwrap();
    std::fs::write(&journal, &text[..cut]).unwrap();
    let left = behind::left_running(&rig.runs, &run, std::slice::from_ref(&run), "magnum/0");
    assert_eq!(left, Left::Unknown);
    let api = |rig: &Rig| rig.units[0].snapshot().services["magnum-api"].clone();
    let before = api(&rig);
    assert_eq!(go_back(&rig, &run).await.exit(), Exit::Done);
    assert_ne!(api(&rig), before, "it held the driver that is gone");
    let all = rig.runs.all().unwrap().0;
    let left = behind::left_running(&rig.runs, &run, &all, "magnum/0");
    assert_eq!(left, Left::Known(Vec::new()), "once is enough");
}
