//! The time for a whole run, with a clock that stands still until everybody waits.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    CancelReason, CancelToken, ChangeKind, Conflict, Context, Delta, Describe, Desired, Diagnostic,
    Diff, Entry, Failure, FailureClass, GRACE, Gate, Item, Label, MemoryJournal, PollPolicy, Retry,
    Section, Subject, TargetPlan, Touched, Verdict, leftovers, step, with_temporary,
};

const MINUTE: Duration = Duration::from_mins(1);

/// Lamps that are on, and how long a look and a switch take.
#[derive(Debug, Default)]
struct House {
    on: Mutex<BTreeSet<String>>,
    look: Mutex<Duration>,
    switch: Mutex<Duration>,
    /// Whether a lamp shows that it is on.
    dark: bool,
}

impl Label for House {
    fn label(&self) -> String {
        "house".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No;

impl Diagnostic for No {
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lamp(String, bool);

impl Describe for Lamp {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Update, Subject::new("lamp", self.0.clone()), "switch")
    }
}

impl Desired for Lamp {
    const KIND: &'static str = "test.lamp.v1";
    type Target = House;
    type Observed = bool;
    type Change = Self;
    type Undo = Self;
    type Error = No;

    fn subject(&self) -> Subject {
        Subject::new("lamp", self.0.clone())
    }
    fn key(&self) -> String {
        self.0.clone()
    }
    async fn observe(&self, house: &House) -> Result<bool, No> {
        let look = *house.look.lock().unwrap();
        sleep(look).await;
        Ok(!house.dark && house.on.lock().unwrap().contains(&self.0))
    }
    fn diff(&self, on: &bool) -> Result<Delta<Self>, Conflict> {
        Ok(Delta::of(if *on == self.1 { vec![] } else { vec![self.clone()] }))
    }
    async fn apply(&self, _: &Context, house: &House, change: &Self) -> Result<(), No> {
        let switch = *house.switch.lock().unwrap();
        sleep(switch).await;
        let mut on = house.on.lock().unwrap();
        if change.1 {
            on.insert(change.0.clone())
        } else {
            on.remove(&change.0)
        };
        Ok(())
    }
    fn undo(&self, before: &bool) -> Option<Self> {
        Some(Self(self.0.clone(), *before))
    }
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(7), MINUTE * 60)
    }
}

fn house(look: Duration, switch: Duration) -> Arc<House> {
    Arc::new(House { look: look.into(), switch: switch.into(), ..House::default() })
}

fn job(house: &Arc<House>) -> Job {
    let lamps = ["a", "b", "c"].map(|name| Item::Step(step(house, Lamp(name.into(), true))));
    let section = Section::new("1", "lamps", lamps.into_iter().collect());
    Job::new("light", "omega.toml", vec![TargetPlan::shared("house", vec![section])])
}

/// An engine whose runs end after `after`.
fn engine(home: &tempfile::TempDir, after: Duration) -> Engine {
    let cancel = CancelToken::default();
    cancel.cancel_at(Instant::now() + after);
    Engine::new(Runs::new(home.path()), Context::default().with_cancel(cancel))
}

/// The only run, with what became of it.
fn outcome(engine: &Engine) -> RunOutcome {
    let (runs, damaged) = engine.runs.all().unwrap();
    assert_eq!((runs.len(), damaged.len()), (1, 0));
    engine.runs.outcome(&runs[0])
}

async fn made_good(home: &tempfile::TempDir, house: &Arc<House>) {
    *house.look.lock().unwrap() = Duration::ZERO;
    *house.switch.lock().unwrap() = Duration::ZERO;
    let report = engine(home, MINUTE * 60).apply(&job(house), Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:?}");
    assert_eq!(house.on.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn reads_are_abandoned_at_the_second_and_nothing_was_changed() {
    let (home, house) = (tempfile::tempdir().unwrap(), house(MINUTE * 5, Duration::ZERO));
    let start = Instant::now();
    let engine = engine(&home, Duration::from_secs(90));
    let plan = engine.plan(&job(&house)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(90));
    assert_eq!((plan.exit, plan.exit_code, plan.recap.failed), (Status::Deadline, 124, 3));
    let failure = plan.failure.unwrap();
    assert_eq!(failure.touched, Touched::Nothing);
    assert!(failure.to_string().contains("timed out (--timeout)"), "{failure}");
    assert_eq!(failure.next.as_deref(), Some("run the same command again, with more time"));
    let report = engine.apply(&job(&house), Approved::Now).await.unwrap();
    assert_eq!((report.exit, report.run), (Status::Deadline, None));
    assert_eq!(start.elapsed(), Duration::from_secs(90), "no time is left");
    assert!(engine.runs.all().unwrap().0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_is_shown() {
    let home = tempfile::tempdir().unwrap();
    let (fast, slow) = (house(Duration::from_secs(1), MINUTE), house(MINUTE * 5, MINUTE));
    let mut both = job(&fast);
    both.targets.extend(job(&slow).targets);
    let plan = engine(&home, Duration::from_secs(90)).plan(&both).await;
    assert_eq!((plan.recap.pending, plan.recap.failed), (3, 3));
    assert_eq!(plan.exit, Status::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_write_under_way_is_finished_and_verified_within_the_grace() {
    let second = Duration::from_secs(1);
    let (home, house) = (tempfile::tempdir().unwrap(), house(second, second * 10));
    let start = Instant::now();
    // 1 s to look, 1 s to compare, 10 s to switch the first one: it is over 5 s before that.
    let engine = engine(&home, second * 7);
    let report = engine.apply(&job(&house), Approved::Now).await.unwrap();
    assert_eq!(start.elapsed(), second * 13, "the write, and one look at what it did");
    assert_eq!((report.exit, report.recap.changed), (Status::Deadline, 1));
    let failure = report.failure.unwrap();
    assert_eq!((failure.class, failure.touched), (FailureClass::Interrupted, Touched::Maybe));
    assert!(failure.to_string().contains("stopped before lamp b"), "{failure}");
    let found = outcome(&engine);
    assert_eq!((found.outcome, found.changes, found.uncertain), (Outcome::Deadline, Some(1), 0));
    made_good(&home, &house).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_does_not_end_is_reported_as_possibly_made() {
    let (home, house) = (tempfile::tempdir().unwrap(), house(Duration::ZERO, MINUTE * 20));
    let start = Instant::now();
    let engine = engine(&home, MINUTE);
    let report = engine.apply(&job(&house), Approved::Now).await.unwrap();
    assert_eq!(start.elapsed(), MINUTE + GRACE);
    assert_eq!(report.exit, Status::Deadline);
    let failure = report.failure.unwrap();
    assert_eq!(failure.touched, Touched::Maybe);
    assert_eq!(failure.found.as_deref(), Some("possibly changed: ~ lamp a: switch"));
    assert!(failure.next.unwrap().starts_with("run the same command again"));
    let found = outcome(&engine);
    assert_eq!((found.outcome, found.changes, found.uncertain), (Outcome::Deadline, Some(0), 1));
    let run = report.run.unwrap();
    let entries = engine.runs.entries(&run).unwrap();
    let last = entries.last().unwrap();
    assert!(matches!(last, Entry::Failed { touched: Touched::Maybe, .. }), "{last:?}");
    made_good(&home, &house).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_an_effect_ends_at_once() {
    let home = tempfile::tempdir().unwrap();
    let dark = Arc::new(House { dark: true, ..House::default() });
    let start = Instant::now();
    let engine = engine(&home, MINUTE);
    let report = engine.apply(&job(&dark), Approved::Now).await.unwrap();
    assert_eq!(start.elapsed(), MINUTE);
    assert_eq!((report.exit, report.failure.unwrap().touched), (Status::Deadline, Touched::Maybe));
    assert_eq!((outcome(&engine).outcome, outcome(&engine).changes), (Outcome::Deadline, Some(1)));
}

/// The looks before and after the changes take long, and the changes do not.
#[tokio::test(start_paused = true)]
async fn the_last_look_is_abandoned_and_never_called_unchanged() {
    let (home, house) = (tempfile::tempdir().unwrap(), house(MINUTE, Duration::ZERO));
    // One look, then for each lamp one to compare and one to verify, then the last one.
    let engine = engine(&home, MINUTE * 7 + MINUTE / 2);
    let start = Instant::now();
    let report = engine.apply(&job(&house), Approved::Now).await.unwrap();
    assert_eq!(start.elapsed(), MINUTE * 7 + MINUTE / 2);
    assert_eq!((report.exit, report.recap.changed, report.converged), (Status::Deadline, 3, false));
    assert_eq!(report.failure.unwrap().touched, Touched::Maybe);
    assert_eq!(outcome(&engine).changes, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_before_is_not_affected() {
    let (home, house) = (tempfile::tempdir().unwrap(), house(Duration::ZERO, MINUTE));
    let engine = engine(&home, MINUTE * 10);
    let report = engine.apply(&job(&house), Approved::Now).await.unwrap();
    assert_eq!((report.exit, report.recap.changed), (Status::Done, 3));
    assert_eq!(outcome(&engine).outcome, Outcome::Done);
}

/// After Ctrl-C the step under way has all the time that it needs, but for the deadline.
#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_run_that_a_signal_has_stopped() {
    let (home, house) = (tempfile::tempdir().unwrap(), house(Duration::ZERO, MINUTE * 20));
    let engine = engine(&home, MINUTE * 5);
    let start = Instant::now();
    let applied = async { engine.apply(&job(&house), Approved::Now).await };
    let signal = async {
        sleep(MINUTE).await;
        engine.ctx.cancel().cancel_for(CancelReason::Terminate);
    };
    let (report, ()) = tokio::join!(applied, signal);
    assert_eq!(start.elapsed(), MINUTE * 5 + GRACE);
    assert_eq!(report.unwrap().exit, Status::Terminated, "the first reason counts");
}

/// What the run made for itself is removed in the time after the deadline, or left for the sweep.
#[tokio::test(start_paused = true)]
async fn what_is_temporary_is_removed_or_named() {
    for (takes, is_left) in [(Duration::from_secs(5), false), (MINUTE * 10, true)] {
        let house = house(Duration::ZERO, Duration::ZERO);
        let (cancel, journal) = (CancelToken::default(), Arc::new(MemoryJournal::default()));
        let ctx = Context::default().with_cancel(cancel.clone()).with_journal(journal.clone());
        let start = Instant::now();
        cancel.cancel_at(start + MINUTE);
        let (lamp, seen) = (Lamp("probe".into(), true), Arc::clone(&house));
        let work = |_| async {
            *seen.switch.lock().unwrap() = takes;
            until_stopped(&ctx).await
        };
        let failure = with_temporary(&ctx, &*house, &lamp, work).await.unwrap_err();
        assert_eq!(house.on.lock().unwrap().contains("probe"), is_left);
        let left = leftovers(&journal.entries());
        assert_eq!(left.len(), usize::from(is_left), "{left:?}");
        let took = if is_left { GRACE } else { takes };
        assert_eq!(start.elapsed(), MINUTE + took);
        if is_left {
            assert!(failure.found.unwrap().contains("left behind: lamp probe"));
            assert_eq!(failure.touched, Touched::Maybe);
        }
    }
}

/// Work that goes on until the run is stopped.
async fn until_stopped(ctx: &Context) -> Result<(), Failure> {
    ctx.cancel().cancelled().await;
    Err(Failure::new(FailureClass::Interrupted, "stopped"))
}

/// It says how the house is, as long as somebody is at home to answer.
struct Porter {
    house: Arc<House>,
    retry: Retry,
}

#[async_trait]
impl Gate for Porter {
    fn rule(&self) -> &'static str {
        "all-well"
    }
    fn subject(&self) -> Subject {
        Subject::new("gate", "all is well")
    }
    async fn check(&self) -> Result<Verdict, Failure> {
        if self.house.on.lock().unwrap().is_empty() {
            return Ok(Verdict::shown([]));
        }
        sleep(Duration::from_secs(5)).await;
        Err(Failure { retry: self.retry, ..Failure::new(FailureClass::Deadline, "no answer") })
    }
}

#[tokio::test(start_paused = true)]
async fn a_final_gate_that_nobody_answers_is_left_after_a_minute() {
    for (retry, limit) in [(Retry::Transient, MINUTE), (Retry::Final, MINUTE * 4)] {
        let (home, house) = (tempfile::tempdir().unwrap(), house(Duration::ZERO, Duration::ZERO));
        let mut job = job(&house);
        let porter = Item::gate(Porter { house: Arc::clone(&house), retry });
        let section = Section::new("2", "after", vec![porter]);
        job.afterwards = vec![TargetPlan::shared("house", vec![section])];
        let start = Instant::now();
        let report = engine(&home, MINUTE * 60).apply(&job, Approved::Now).await.unwrap();
        let took = start.elapsed();
        assert!(limit <= took && took < limit + Duration::from_secs(30), "{retry:?}: {took:?}");
        let failure = report.failure.unwrap();
        assert_eq!(
            (failure.message.contains("no answer"), failure.touched),
            (true, Touched::Maybe)
        );
    }
}
