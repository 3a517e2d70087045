use std::time::Duration;

use omega_core::{
    Context, FailureClass, Touched,
    run::{Approved, Engine, LockHolder, Locking, Runs},
};
use omega_juju::{
    Channel as _, FailureCode, Fence, LockRequest, Payload, ServiceAction, gates::LeftoverPolicy,
    sim::Start,
};

use super::locks;
use crate::test_harness::Site;

fn holder(who: &str) -> LockHolder {
    LockHolder::this_process(who, "omega-cli apply")
}

fn engine(site: &Site, home: &tempfile::TempDir, who: &str, break_lock: Option<&str>) -> Engine {
    let locking = Locking { holder: holder(who), break_lock: break_lock.map(str::to_owned) };
    let ctx = Context::default().with_cancel(site.cancel.clone()).with_locking(locking);
    Engine::new(Runs::new(home.path()), ctx)
}

async fn take(unit: &omega_juju::sim::Unit, id: &str) -> Fence {
    let mut elsewhere = holder("bob");
    elsewhere.boot = "another machine".to_owned();
    let wanted =
        omega_core::run::LockWanted { id: id.to_owned(), holder: elsewhere, instead_of: None };
    let lock = unit.lock(&LockRequest::acquire(&wanted)).await.unwrap().unwrap();
    Fence { id: lock.id, token: lock.token }
}

#[tokio::test(start_paused = true)]
async fn a_run_locks_what_it_changes_and_releases_it() {
    let site = Site::new(&[Start::Fresh, Start::Fresh]);
    let plan = site.engine().plan(&site.job(LeftoverPolicy::Remove).await).await;
    assert!(plan.failure.is_none(), "{plan:#?}");
    assert!(site.units.iter().all(|unit| unit.lock_requests() == 0), "a plan takes none");
    let report = site.apply().await.unwrap();
    assert!(report.converged, "{report:#?}");
    for unit in &site.units {
        assert_eq!(unit.held(), None);
        assert!(unit.lock_requests() >= 2, "one to take it, one to release it");
    }
    let counted: usize = site.clients.units.iter().map(|unit| unit.lock_requests()).sum();
    // The locks are released after the report.
    assert_eq!(report.counts.locks + site.units.len(), counted);
    assert!(site.apiserver.lease_requests().is_empty(), "the graft writes nothing there");
    let before: Vec<usize> = site.units.iter().map(omega_juju::sim::Unit::lock_requests).collect();
    let again = site.apply().await.unwrap();
    assert_eq!((again.run, again.counts.locks), (None, counted), "nothing to do: no lock");
    let after: Vec<usize> = site.units.iter().map(omega_juju::sim::Unit::lock_requests).collect();
    assert_eq!(before, after);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_another_stops_the_run_before_it_begins() {
    let site = Site::new(&[Start::Fresh, Start::Fresh]);
    take(&site.units[1], "bobs").await;
    let (before, home) = (site.everything(), tempfile::tempdir().unwrap());
    let job = site.job(LeftoverPolicy::Remove).await;
    let failure = engine(&site, &home, "alice", None).apply(&job, Approved::Now).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Locked, Touched::Nothing));
    assert!(failure.message.contains("magnum/1"), "{failure:?}");
    assert!(failure.found.as_ref().unwrap().contains("bob@"), "{failure:?}");
    assert_eq!(site.units[0].held(), None, "what was taken is released");
    assert!(Runs::new(home.path()).all().unwrap().0.is_empty(), "no run began");
    assert_eq!((site.everything(), site.writes()), (before, 0));
    let states = locks(&(&site.clients).into()).await;
    let shown: Vec<_> = states.iter().map(|one| (&*one.target, one.held.is_some())).collect();
    assert_eq!(shown[..2], [("magnum/0", false), ("magnum/1", true)]);
    // The flag needs the id.
    for (id, goes_on) in [("alice", false), ("bobs", true)] {
        let job = site.job(LeftoverPolicy::Remove).await;
        let report = engine(&site, &home, "alice", Some(id)).apply(&job, Approved::Now).await;
        assert_eq!(report.is_ok_and(|report| report.converged), goes_on, "{id}");
    }
}

/// A laptop is closed in the middle of a run. When it wakes up, another has taken its place.
#[tokio::test(start_paused = true)]
async fn a_run_that_slept_past_the_expiry_of_its_lock_changes_nothing_any_more() {
    let site = Site::new(&[Start::Fresh]);
    let unit = &site.units[0];
    let slept = take(unit, "slept").await;
    let reload = ServiceAction::ReloadUnits.into();
    unit.act(&reload, Payload::Null, Some(&slept)).await.unwrap();
    tokio::time::sleep(omega_core::run::LOCK_LASTS + Duration::from_secs(1)).await;
    let report = site.apply().await.unwrap();
    assert!(report.converged, "{report:#?}");
    let (before, writes) = (site.everything(), site.writes());
    let error = unit.act(&reload, Payload::Null, Some(&slept)).await.unwrap_err();
    assert_eq!(error.code(), Some(&FailureCode::Fenced), "{error}");
    let error = unit.lock(&LockRequest::Renew { fence: slept }).await.unwrap_err();
    assert_eq!(error.code(), Some(&FailureCode::Fenced), "{error}");
    assert_eq!((site.everything(), site.writes()), (before, writes));
}

/// The lock is broken while the run goes on: its next write is refused, and the report says so.
#[tokio::test(start_paused = true)]
async fn a_run_whose_lock_is_broken_ends_at_its_next_write() {
    let site = Site::new(&[Start::Fresh]);
    let unit = site.units[0].clone();
    let thief = async {
        loop {
            if let Some(held) = unit.held().filter(|_| unit.writes() >= 2) {
                let wanted = omega_core::run::LockWanted {
                    id: "thief".to_owned(),
                    holder: holder("bob"),
                    instead_of: Some(held.id),
                };
                return unit.lock(&LockRequest::acquire(&wanted)).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (report, _) = tokio::join!(site.apply(), thief);
    let report = report.unwrap();
    let failure = report.failure.unwrap();
    assert_eq!((failure.class, failure.touched), (FailureClass::Locked, Touched::Maybe));
    assert!(failure.found.as_ref().unwrap().contains("bob@"), "{failure:?}");
    assert_eq!(unit.held().unwrap().id, "thief", "the lock of another is not released");
    assert_eq!(report.exit.code(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_or_is_stopped_releases_its_locks() {
    let site = Site::new(&[Start::Fresh]);
    site.units[0].fill_disk_late();
    let report = site.apply().await.unwrap();
    assert!(report.failure.is_some());
    assert_eq!(site.units[0].held(), None);
    site.units[0].fill_disk(false);
    let unit = site.units[0].clone();
    let stop = async {
        while unit.held().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        site.cancel.cancel();
    };
    let (report, ()) = tokio::join!(site.apply(), stop);
    assert_eq!(report.unwrap().failure.unwrap().class, FailureClass::Interrupted);
    assert_eq!(site.units[0].held(), None);
}
