use std::sync::Mutex;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    ChangeKind, Conflict, Delta, Describe, Desired, Diff, Label, MemoryJournal, Note, PollPolicy,
    step,
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
    type Error = std::convert::Infallible;

    fn subject(&self) -> Subject {
        Subject::new("lamp", self.0.clone())
    }
    async fn observe(&self, house: &House) -> Result<bool, Self::Error> {
        Ok(house.0.lock().unwrap().contains(&self.0))
    }
    fn diff(&self, lit: &bool) -> Result<Delta<Light>, Conflict> {
        if self.0 == "broken" {
            return Err(Conflict::new("it is broken", "mend it"));
        }
        Ok(Delta::of(if *lit { vec![] } else { vec![Light(self.0.clone())] }))
    }
    async fn apply(&self, house: &House, Light(name): &Light) -> Result<(), Self::Error> {
        house.0.lock().unwrap().push(name.clone());
        Ok(())
    }
    fn notes(&self, _: &bool) -> Vec<Note> {
        vec![]
    }
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::default()
    }
}

struct Ask(&'static str, Verdict);

#[async_trait]
impl Gate for Ask {
    fn subject(&self) -> Subject {
        Subject::new("gate", self.0)
    }
    async fn check(&self) -> Result<Verdict, Failure> {
        Ok(self.1.clone())
    }
}

#[derive(Default)]
struct Silent(Mutex<usize>);

impl Observer for Silent {
    fn progress(&self, _: Progress<'_>) {
        *self.0.lock().unwrap() += 1;
    }
}

fn lamp(house: &Arc<House>, name: &str) -> Item {
    Item::Step(step(house, Lit(name.into())))
}

fn gate(name: &'static str, verdict: Verdict) -> Item {
    Item::Gate(Box::new(Ask(name, verdict)))
}

fn leg(items: Vec<Item>) -> TargetPlan {
    let section = Section { number: "7.1", title: "lamps", items };
    TargetPlan { target: "house".into(), sections: vec![section] }
}

async fn run(leg: &TargetPlan, stop: &CancelToken) -> (TargetReport, usize) {
    let looked = leg.preview().await;
    let silent = Silent::default();
    let run = Run {
        looked: &looked,
        approved: &looked,
        approve_waiting: true,
        journal: &mut MemoryJournal::default(),
        stop,
        progress: &silent,
    };
    let report = leg.run(run).await;
    let told = *silent.0.lock().unwrap();
    (report, told)
}

fn pass() -> Verdict {
    Verdict::Pass { evidence: "seen".into() }
}

fn fail() -> Verdict {
    Verdict::Fail { why: "dark".into(), next: Some("wait for the day".into()) }
}

#[tokio::test]
async fn items_run_in_order_and_what_is_so_is_left_alone() {
    let house = Arc::new(House(Mutex::new(vec!["hall".into()])));
    let leg = leg(vec![lamp(&house, "hall"), gate("day", pass()), lamp(&house, "attic")]);
    let (report, _) = run(&leg, &CancelToken::default()).await;
    let done: Vec<_> = report.items.iter().map(|(_, done)| done.clone()).collect();
    assert_eq!(
        done,
        [
            ItemOutcome::Unchanged,
            ItemOutcome::Passed { evidence: "seen".into() },
            ItemOutcome::Changed
        ]
    );
    assert_eq!(*house.0.lock().unwrap(), ["hall", "attic"]);
    assert!(!leg.preview().await.pending());
}

#[tokio::test]
async fn a_gate_that_says_no_stops_the_leg_and_admits_what_came_before() {
    let house = Arc::new(House::default());
    let leg = leg(vec![lamp(&house, "hall"), gate("day", fail()), lamp(&house, "attic")]);
    let (report, _) = run(&leg, &CancelToken::default()).await;
    let failure = report.failure().unwrap();
    assert_eq!((failure.class, failure.touched), (FailureClass::Gate, Touched::Maybe));
    assert_eq!(failure.next.as_deref(), Some("wait for the day"));
    assert_eq!(*house.0.lock().unwrap(), ["hall"]);
}

#[tokio::test]
async fn a_deferred_gate_is_no_obstacle_and_a_refusal_is() {
    let house = Arc::new(House::default());
    let deferred = Verdict::Deferred { until: "the night".into() };
    let fine = leg(vec![gate("day", deferred), lamp(&house, "hall")]);
    assert_eq!(fine.preview().await.obstacle(), None);
    let broken = leg(vec![lamp(&house, "hall"), lamp(&house, "broken")]);
    let obstacle = broken.preview().await.obstacle().unwrap();
    assert_eq!((obstacle.class, obstacle.touched), (FailureClass::Refused, Touched::Nothing));
    let no = leg(vec![gate("day", fail())]).preview().await.obstacle().unwrap();
    assert_eq!(no.to_string(), "gate day: no: dark");
}

#[tokio::test]
async fn a_wish_to_stop_is_honoured_between_steps() {
    let house = Arc::new(House::default());
    let stop = CancelToken::default();
    stop.ask();
    let leg = leg(vec![lamp(&house, "hall")]);
    let (report, told) = run(&leg, &stop).await;
    assert_eq!(report.failure().unwrap().class, FailureClass::Interrupted);
    assert!(house.0.lock().unwrap().is_empty());
    assert_eq!(told, 1, "the end is told");
}

#[tokio::test]
async fn a_gate_that_waits_is_left_when_asked_to_stop() {
    struct Waits(CancelToken);
    #[async_trait]
    impl Gate for Waits {
        fn subject(&self) -> Subject {
            Subject::new("gate", "day")
        }
        async fn check(&self) -> Result<Verdict, Failure> {
            self.0.ask();
            std::future::pending().await
        }
    }
    let (house, stop) = (Arc::new(House::default()), CancelToken::default());
    let leg = leg(vec![Item::Gate(Box::new(Waits(stop.clone()))), lamp(&house, "hall")]);
    // Not looked at before: that would wait as well.
    let looked = TargetPreview { target: "house".into(), sections: vec![] };
    let run = Run {
        looked: &looked,
        approved: &looked,
        approve_waiting: true,
        journal: &mut MemoryJournal::default(),
        stop: &stop,
        progress: &Silent::default(),
    };
    let failure = leg.run(run).await.failure().unwrap().clone();
    assert_eq!(failure.to_string(), "stopped before gate day, as asked");
    assert_eq!((failure.class, failure.touched), (FailureClass::Interrupted, Touched::Nothing));
    assert!(house.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_not_planned_is_not_done() {
    let house = Arc::new(House::default());
    let planned = leg(vec![lamp(&house, "hall")]);
    let looked = planned.preview().await;
    let more = leg(vec![lamp(&house, "hall"), lamp(&house, "attic")]);
    let run = Run {
        looked: &looked,
        approved: &looked,
        approve_waiting: true,
        journal: &mut MemoryJournal::default(),
        stop: &CancelToken::default(),
        progress: &Silent::default(),
    };
    let report = more.run(run).await;
    assert_eq!(report.failure().unwrap().class, FailureClass::Stale);
    assert_eq!(*house.0.lock().unwrap(), ["hall"]);
}
