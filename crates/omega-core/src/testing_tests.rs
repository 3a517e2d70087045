//! The laws, held against an operation with one planted bug at a time: each bug must be caught,
//! or the law that should have caught it is worth nothing. And the driver's own promises.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Approval, ChangeKind, Conflict, Describe, Diagnostic, Diff, EnsureError, Event, Label,
    MemoryJournal, Outcome, PollPolicy, Subject, step,
};

/// A shelf of named boxes, and a postman who may lose letters.
#[derive(Debug, Default)]
struct Shelf {
    boxes: Mutex<BTreeMap<String, String>>,
    writes: Mutex<usize>,
    spoiled: Mutex<Option<(usize, Fault)>>,
}

impl Label for Shelf {
    fn label(&self) -> String {
        "shelf".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the letter was lost")]
struct Lost;
impl Diagnostic for Lost {}

impl Shelf {
    fn write(&self, name: &str, value: Option<&str>) -> Result<(), Lost> {
        let nth = std::mem::replace(&mut *self.writes.lock().unwrap(), 0);
        *self.writes.lock().unwrap() = nth + 1;
        let fault = self.spoiled.lock().unwrap().filter(|(spoiled, _)| *spoiled == nth);
        let fault = fault.map(|(_, fault)| fault);
        if !matches!(fault, Some(Fault::Lost | Fault::Ignored)) {
            let mut boxes = self.boxes.lock().unwrap();
            match value {
                Some(value) => boxes.insert(name.into(), value.into()),
                None => boxes.remove(name),
            };
        }
        if matches!(fault, Some(Fault::Lost | Fault::AnswerLost)) { Err(Lost) } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Bug {
    None,
    AlwaysWrites,
    PlansByWriting,
    UndoForgets,
    UndoTakesABystander,
    SwallowsErrors,
    NeverLooksAgain,
    CannotBeReadBack,
    DoesMoreThanOnce,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Boxed {
    name: String,
    value: Option<String>,
    bug: Bug,
    #[serde(skip)]
    forgotten: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Put(String, Option<String>);

impl Describe for Put {
    fn describe(&self) -> Diff {
        let effect = self.1.clone().unwrap_or_default();
        Diff::new(ChangeKind::Update, Subject::new("box", self.0.clone()), effect)
    }
}

impl Desired for Boxed {
    const KIND: &'static str = "test.box.v1";
    type Target = Shelf;
    type Observed = Option<String>;
    type Change = Put;
    type Error = Lost;

    fn subject(&self) -> Subject {
        Subject::new("box", self.name.clone())
    }

    async fn observe(&self, room: &Shelf) -> Result<Option<String>, Lost> {
        if self.bug == Bug::PlansByWriting {
            room.write(&self.name, self.value.as_deref())?;
        }
        if self.bug == Bug::NeverLooksAgain && *room.writes.lock().unwrap() > 0 {
            return Ok(self.value.clone());
        }
        Ok(room.boxes.lock().unwrap().get(&self.name).cloned())
    }

    fn diff(&self, seen: &Option<String>) -> Result<Delta<Put>, Conflict> {
        if seen.as_deref() == Some("locked") {
            return Err(Conflict::new("it is locked", "unlock it"));
        }
        let done = *seen == self.value && self.bug != Bug::AlwaysWrites;
        let put = Put(self.name.clone(), self.value.clone());
        Ok(Delta::of(if done { vec![] } else { vec![put] }))
    }

    async fn apply(&self, room: &Shelf, Put(name, value): &Put) -> Result<(), Lost> {
        if self.bug == Bug::DoesMoreThanOnce {
            drop(room.write(name, value.as_deref()));
        }
        match room.write(name, value.as_deref()) {
            Err(Lost) if self.bug == Bug::SwallowsErrors => {
                room.boxes.lock().unwrap().insert(name.clone(), value.clone().unwrap_or_default());
                Ok(())
            }
            other => other,
        }
    }

    fn undo(&self, before: &Option<String>) -> Option<Self> {
        let mut back = Self { value: before.clone(), ..self.clone() };
        match self.bug {
            Bug::UndoForgets => back.value = None,
            Bug::UndoTakesABystander => back.name = "decoy".into(),
            Bug::None
            | Bug::AlwaysWrites
            | Bug::PlansByWriting
            | Bug::SwallowsErrors
            | Bug::NeverLooksAgain
            | Bug::CannotBeReadBack
            | Bug::DoesMoreThanOnce => {}
        }
        Some(back)
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy {
            every: std::time::Duration::from_secs(1),
            within: std::time::Duration::from_secs(3),
        }
    }
}

struct Room(Shelf);

impl World for Room {
    type Target = Shelf;
    type Snapshot = BTreeMap<String, String>;
    fn target(&self) -> &Shelf {
        &self.0
    }
    fn snapshot(&self) -> Self::Snapshot {
        self.0.boxes.lock().unwrap().clone()
    }
    fn writes(&self) -> usize {
        *self.0.writes.lock().unwrap()
    }
    fn spoil_write(&self, nth: usize, fault: Fault) {
        *self.0.spoiled.lock().unwrap() = Some((nth, fault));
    }
}

fn room() -> Room {
    let shelf = Shelf::default();
    shelf
        .boxes
        .lock()
        .unwrap()
        .extend([("tea".to_owned(), "green".to_owned()), ("decoy".to_owned(), "green".to_owned())]);
    Room(shelf)
}

fn boxed(bug: Bug) -> Boxed {
    let forgotten = bug == Bug::CannotBeReadBack;
    Boxed { name: "tea".into(), value: Some("black".into()), bug, forgotten }
}

#[tokio::test(start_paused = true)]
async fn an_honest_operation_passes() {
    check_laws(room, &boxed(Bug::None), Undo::Exact).await;
    let gone = Boxed { value: None, ..boxed(Bug::None) };
    check_laws(room, &gone, Undo::Exact).await;
}

#[tokio::test(start_paused = true)]
async fn every_planted_bug_is_caught() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut survived = Vec::new();
    for bug in [
        Bug::AlwaysWrites,
        Bug::PlansByWriting,
        Bug::UndoForgets,
        Bug::UndoTakesABystander,
        Bug::SwallowsErrors,
        Bug::NeverLooksAgain,
        Bug::CannotBeReadBack,
        Bug::DoesMoreThanOnce,
    ] {
        let desired = boxed(bug);
        let checked = AssertUnwindSafe(check_laws(room, &desired, Undo::Exact)).catch_unwind();
        if checked.await.is_ok() {
            survived.push(bug);
        }
    }
    drop(std::panic::take_hook());
    assert!(survived.is_empty(), "no law noticed {survived:?}");
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_recorded_before_the_write_and_the_end_after() {
    let shelf = room().0;
    let journal = &mut MemoryJournal::default();
    let plan = plan(&shelf, &boxed(Bug::None)).await.unwrap();
    let outcome = plan.apply(&shelf, journal).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Changed { before: Some("green".into()), after: Some("black".into()) }
    );
    let [Event::Intent { target, undo, changes, .. }, Event::Verified { .. }] = &journal.0[..]
    else {
        panic!("{:?}", journal.0);
    };
    assert_eq!((target.as_str(), changes.len()), ("shelf", 1));
    assert_eq!(undo.as_ref().unwrap()["value"], "green");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_stops_the_write() {
    struct Full;
    impl crate::Journal for Full {
        fn record(&mut self, _: Event) -> Result<(), crate::JournalError> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
        }
    }
    let room = room();
    let plan = plan(&room.0, &boxed(Bug::None)).await.unwrap();
    let error = plan.apply(&room.0, &mut Full).await.unwrap_err();
    assert!(matches!(error, EnsureError::Journal { touched: Touched::Nothing, .. }));
    assert_eq!(room.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_world_moved_is_stale_and_touches_nothing() {
    let room = room();
    let mut desired = boxed(Bug::None);
    desired.value = None;
    let removal = plan(&room.0, &desired).await.unwrap();
    // The same fact, planned when the box was something else: the change is the same, so it may.
    room.0.boxes.lock().unwrap().insert("tea".into(), "white".into());
    removal.clone().apply(&room.0, &mut NoJournal).await.unwrap();
    // A plan that showed no change approves none.
    let nothing = plan(&room.0, &desired).await.unwrap();
    room.0.boxes.lock().unwrap().insert("tea".into(), "white".into());
    let writes = room.writes();
    let error = nothing.apply(&room.0, &mut NoJournal).await.unwrap_err();
    assert!(matches!(error, EnsureError::Stale { .. }), "{error}");
    assert_eq!(room.writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_step_does_what_was_approved_and_offers_the_way_back() {
    let shelf = Arc::new(room().0);
    let journal = &mut MemoryJournal::default();
    let tea = step(&shelf, boxed(Bug::None));
    let preview = tea.preview().await.unwrap();
    assert!(preview.reversible && !preview.is_satisfied());
    let other = step(&shelf, Boxed { value: Some("white".into()), ..boxed(Bug::None) });
    let refused = other.run(Approval::Exactly(&preview), journal).await.result.unwrap_err();
    assert_eq!(refused.class, crate::FailureClass::Stale);
    let report = tea.run(Approval::Exactly(&preview), journal).await;
    assert_eq!(report.result, Ok(true));
    let back = report.undo.unwrap();
    assert_eq!(back.run(Approval::Fact, journal).await.result, Ok(true));
    assert_eq!(shelf.boxes.lock().unwrap()["tea"], "green");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_why_and_what_next() {
    let shelf = room().0;
    shelf.boxes.lock().unwrap().insert("tea".into(), "locked".into());
    let failure = crate::Failure::from(ensure(&shelf, &boxed(Bug::None)).await.unwrap_err());
    assert_eq!(failure.class, crate::FailureClass::Refused);
    assert_eq!(failure.to_string(), "refused to change box tea on shelf: it is locked");
    assert_eq!(failure.next.as_deref(), Some("unlock it"));
    assert_eq!(failure.touched, Touched::Nothing);
}
