use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    ChangeKind, Conflict, Delta, Describe, Desired, Diff, Event, EventSink, ItemOutcome, Label,
    PollPolicy, Run, TargetReport, Touched, WhenLate, step,
};

/// Lamps by name, and what was done to them in order.
#[derive(Debug, Default)]
struct House(Mutex<Vec<String>>);

impl Label for House {
    fn label(&self) -> String {
        "house".into()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lit(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Light(String);

impl Describe for Light {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Update, Subject::new("lamp", self.0.clone()), "on")
    }
}

impl Desired for Lit {
    const KIND: &'static str = "test.lamp.v1";
    type Target = House;
    type Observed = bool;
    type Change = Light;
    type Undo = Self;
    type Error = std::convert::Infallible;

    fn subject(&self) -> Subject {
        Subject::new("lamp", self.0.clone())
    }
    fn key(&self) -> String {
        self.0.clone()
    }
    async fn observe(&self, house: &House) -> Result<bool, Self::Error> {
        Ok(house.0.lock().unwrap().contains(&self.0))
    }
    fn diff(&self, lit: &bool) -> Result<Delta<Light>, Conflict> {
        if self.0 == "broken" {
            return Err(Conflict::new("it is broken", "fix it"));
        }
        Ok(Delta::of(if *lit { vec![] } else { vec![Light(self.0.clone())] }))
    }
    async fn apply(
        &self,
        _: &Context,
        house: &House,
        Light(name): &Light,
    ) -> Result<(), Self::Error> {
        house.0.lock().unwrap().push(name.clone());
        Ok(())
    }
}

struct Ask(&'static str, Verdict);

#[async_trait]
impl Gate for Ask {
    fn rule(&self) -> &'static str {
        self.0
    }
    fn subject(&self) -> Subject {
        Subject::new("gate", self.0)
    }
    async fn check(&self) -> Result<Verdict, Failure> {
        Ok(self.1.clone())
    }
}

/// Keeps each event.
#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

impl EventSink for Told {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn lamp(house: &Arc<House>, name: &str) -> Item {
    Item::Step(step(house, Lit(name.into())))
}

fn gate(name: &'static str, verdict: Verdict) -> Item {
    Item::gate(Ask(name, verdict))
}

fn target(items: Vec<Item>) -> TargetPlan {
    let section = Section::new("7.1", "lamps", items);
    TargetPlan::shared("house", vec![section])
}

async fn run(target: &TargetPlan, ctx: &Context) -> (TargetReport, Vec<Event>) {
    let looked = target.preview(now()).await;
    let told = Arc::new(Told::default());
    let ctx = &ctx.clone().with_events(told.clone()).with_clock(Clock::Fixed(now()));
    let run = Run { looked: &looked, approved: &looked, approve_waiting: true, ctx };
    let report = target.run(run).await;
    let told = told.0.lock().unwrap().clone();
    (report, told)
}

fn pass() -> Verdict {
    Verdict::shown([Evidence::holds("seen")])
}

fn fail() -> Verdict {
    let day = Subject::new("gate", "day");
    Verdict::fail(Finding::broken("day", day, "dark").remedy("wait for the day"))
}

#[tokio::test]
async fn items_run_in_order_and_what_is_so_is_left_alone() {
    let house = Arc::new(House(Mutex::new(vec!["hall".into()])));
    let plan = target(vec![lamp(&house, "hall"), gate("day", pass()), lamp(&house, "attic")]);
    let (report, _) = run(&plan, &Context::default()).await;
    let done: Vec<_> = report.items.iter().map(|item| item.outcome.clone()).collect();
    assert_eq!(
        done,
        [
            ItemOutcome::Unchanged,
            ItemOutcome::Passed { evidence: vec![Evidence::holds("seen")] },
            ItemOutcome::Changed
        ]
    );
    assert_eq!(*house.0.lock().unwrap(), ["hall", "attic"]);
    assert!(!plan.preview(now()).await.pending());
}

#[tokio::test]
async fn a_gate_that_says_no_stops_the_leg_and_admits_what_came_before() {
    let house = Arc::new(House::default());
    let plan = target(vec![lamp(&house, "hall"), gate("day", fail()), lamp(&house, "attic")]);
    let (report, _) = run(&plan, &Context::default()).await;
    let failure = report.failure().unwrap();
    assert_eq!((failure.class, failure.touched), (FailureClass::Gate, Touched::Maybe));
    assert_eq!(failure.next.as_deref(), Some("wait for the day"));
    assert_eq!(*house.0.lock().unwrap(), ["hall"]);
}

#[tokio::test]
async fn a_deferred_gate_is_no_obstacle_and_a_refusal_is() {
    let house = Arc::new(House::default());
    let deferred = Verdict::Deferred { until: "the night".into() };
    let fine = target(vec![gate("day", deferred), lamp(&house, "hall")]);
    assert_eq!(fine.preview(now()).await.blocker(), None);
    let broken = target(vec![lamp(&house, "hall"), lamp(&house, "broken")]);
    let blocker = broken.preview(now()).await.blocker().unwrap();
    assert_eq!((blocker.class, blocker.touched), (FailureClass::Refused, Touched::Nothing));
    let no = target(vec![gate("day", fail())]).preview(now()).await.blocker().unwrap();
    assert_eq!(no.to_string(), "check failed: gate day: dark");
}

#[tokio::test]
async fn a_wish_to_stop_is_honoured_between_steps() {
    let house = Arc::new(House::default());
    let ctx = Context::default();
    ctx.cancel().cancel();
    let plan = target(vec![lamp(&house, "hall")]);
    let (report, told) = run(&plan, &ctx).await;
    assert_eq!(report.failure().unwrap().class, FailureClass::Interrupted);
    assert!(house.0.lock().unwrap().is_empty());
    assert!(matches!(told[..], [Event::StepFinished { .. }]), "the end is told: {told:?}");
}

#[tokio::test]
async fn a_gate_that_does_not_answer_is_left_when_asked_to_stop() {
    struct Hangs(crate::CancelToken);
    #[async_trait]
    impl Gate for Hangs {
        fn rule(&self) -> &'static str {
            "day"
        }
        fn subject(&self) -> Subject {
            Subject::new("gate", "day")
        }
        async fn check(&self) -> Result<Verdict, Failure> {
            self.0.cancel();
            std::future::pending().await
        }
    }
    let (house, ctx) = (Arc::new(House::default()), Context::default());
    let hangs = Hangs(ctx.cancel().clone());
    let plan = target(vec![Item::gate(hangs), lamp(&house, "hall")]);
    // Not looked at before: that would hang as well.
    let looked = TargetPreview { target: "house".into(), sections: vec![] };
    let run = Run { looked: &looked, approved: &looked, approve_waiting: true, ctx: &ctx };
    let failure = plan.run(run).await.failure().unwrap().clone();
    assert_eq!(failure.to_string(), "stopped before gate day");
    assert_eq!((failure.class, failure.touched), (FailureClass::Interrupted, Touched::Nothing));
    assert!(house.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_not_planned_is_not_done() {
    let (house, ctx) = (Arc::new(House::default()), Context::default());
    let planned = target(vec![lamp(&house, "hall")]);
    let looked = planned.preview(now()).await;
    let more = target(vec![lamp(&house, "hall"), lamp(&house, "attic")]);
    let run = Run { looked: &looked, approved: &looked, approve_waiting: true, ctx: &ctx };
    let report = more.run(run).await;
    assert_eq!(report.failure().unwrap().class, FailureClass::Stale);
    assert_eq!(*house.0.lock().unwrap(), ["hall"]);
}

/// Somebody else lights the lamp after `looks` looks.
struct Dawn {
    looks: Mutex<usize>,
    when_late: WhenLate,
}

#[async_trait]
impl Wait for Dawn {
    fn rule(&self) -> &'static str {
        "dawn"
    }
    fn subject(&self) -> Subject {
        Subject::new("wait", "dawn")
    }
    fn policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }
    async fn look(&self) -> Result<WaitState, Failure> {
        let mut looks = self.looks.lock().unwrap();
        *looks = looks.saturating_sub(1);
        Ok(if *looks == 0 {
            WaitState::Reached { evidence: vec![Evidence::sentence("it is light")] }
        } else {
            WaitState::Pending { until: "dawn".into() }
        })
    }
    fn when_late(&self) -> WhenLate {
        self.when_late
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_looked_at_once_in_a_plan_and_polled_in_a_run() {
    let dawn = |looks, when_late| Item::wait(Dawn { looks: Mutex::new(looks), when_late });
    let plan = target(vec![dawn(4, WhenLate::Fail)]);
    let before = tokio::time::Instant::now();
    let looked = plan.preview(now()).await;
    assert_eq!(before.elapsed(), Duration::ZERO, "a plan does not wait");
    let state = &looked.items().next().unwrap().found;
    assert_eq!(*state, ItemState::Verdict(Verdict::deferred("dawn")));
    let (report, told) = run(&plan, &Context::default()).await;
    assert!(matches!(report.items[0].outcome, ItemOutcome::Passed { .. }), "{report:?}");
    assert!(told.iter().any(|event| matches!(event, Event::StepWaiting { .. })), "{told:?}");
    let (late, _) = run(&target(vec![dawn(99, WhenLate::Fail)]), &Context::default()).await;
    assert_eq!(late.failure().unwrap().class, FailureClass::Deadline);
    let (late, _) = run(&target(vec![dawn(99, WhenLate::GoOn)]), &Context::default()).await;
    assert!(matches!(late.items[0].outcome, ItemOutcome::Passed { .. }), "{late:?}");
}
