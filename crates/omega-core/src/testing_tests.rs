//! The laws, held against an operation with one planted bug at a time: each bug must be caught,
//! or the law that should have caught it is worth nothing. And the driver's own promises.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Mutex};

use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Approval, ChangeKind, Conflict, Describe, Diagnostic, Diff, EnsureError, Label, Outcome,
    PollPolicy, Retry, Subject, step,
};

/// A shelf of named boxes, and a postman who may lose letters.
#[derive(Debug, Default)]
struct Shelf {
    boxes: Mutex<BTreeMap<String, String>>,
    writes: Mutex<usize>,
    fault: Mutex<Option<(usize, Fault)>>,
}

impl Label for Shelf {
    fn label(&self) -> String {
        "shelf".into()
    }
}

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the letter was lost")]
    Letter,
    #[error("{}", REFUSAL)]
    Refused,
}

impl Diagnostic for Lost {
    fn touched(&self) -> Touched {
        match self {
            Self::Letter => Touched::Maybe,
            Self::Refused => Touched::Nothing,
        }
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

impl Shelf {
    fn write(&self, name: &str, value: Option<&str>) -> Result<(), Lost> {
        let nth = std::mem::replace(&mut *self.writes.lock().unwrap(), 0);
        *self.writes.lock().unwrap() = nth + 1;
        let fault = self.fault.lock().unwrap().filter(|(faulty, _)| *faulty == nth);
        let fault = fault.map(|(_, fault)| fault);
        if !matches!(fault, Some(Fault::Lost | Fault::Ignored | Fault::Refused)) {
            let mut boxes = self.boxes.lock().unwrap();
            match value {
                Some(value) => boxes.insert(name.into(), value.into()),
                None => boxes.remove(name),
            };
        }
        match fault {
            Some(Fault::Lost | Fault::AnswerLost) => Err(Lost::Letter),
            Some(Fault::Refused) => Err(Lost::Refused),
            Some(Fault::Ignored) | None => Ok(()),
        }
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
    TakesAnotherForIt,
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
    type Undo = Self;
    type Error = Lost;

    fn key(&self) -> String {
        self.name.clone()
    }

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
        if self.bug == Bug::TakesAnotherForIt {
            return Ok(Delta::Satisfied);
        }
        let done = *seen == self.value && self.bug != Bug::AlwaysWrites;
        let put = Put(self.name.clone(), self.value.clone());
        if seen.as_deref() == Some("in use") {
            let by = Conflict::new("it is in use", "put it back first");
            return Ok(Delta::Blocked { by, changes: vec![put] });
        }
        Ok(Delta::of(if done { vec![] } else { vec![put] }))
    }

    async fn apply(&self, _: &Context, room: &Shelf, Put(name, value): &Put) -> Result<(), Lost> {
        if self.bug == Bug::DoesMoreThanOnce {
            drop(room.write(name, value.as_deref()));
        }
        match room.write(name, value.as_deref()) {
            Err(_) if self.bug == Bug::SwallowsErrors => {
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
            | Bug::DoesMoreThanOnce
            | Bug::TakesAnotherForIt => {}
        }
        Some(back)
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(std::time::Duration::from_secs(1), std::time::Duration::from_secs(3))
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
    fn inject_fault(&self, nth: usize, fault: Fault) {
        *self.0.fault.lock().unwrap() = Some((nth, fault));
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
    let tally = Tally::default();
    let is = |value: Option<&'static str>| {
        move |boxes: &BTreeMap<String, String>| boxes.get("tea").map(String::as_str) == value
    };
    let black = boxed(Bug::None);
    tally.count(check_laws(room, &black, Undo::Exact, is(Some("black"))).await);
    let gone = Boxed { value: None, ..boxed(Bug::None) };
    tally.count(check_laws(room, &gone, Undo::Exact, is(None)).await);
    let same = Boxed { value: Some("green".into()), ..boxed(Bug::None) };
    tally.count(check_laws(room, &same, Undo::Exact, is(Some("green"))).await);
    assert_eq!(tally.cases().map(|(_, count)| count), [2, 1, 0, 0]);
    tally.assert_meaningful("boxes");
}

/// With few cases, how many of them change something is a matter of luck.
#[test]
fn one_change_is_enough_of_few_cases_and_a_tenth_of_many() {
    let is_enough = |changed: usize, total: usize| {
        let tally = Tally::default();
        for nth in 0..total {
            tally.count(if nth < changed { Case::Changed } else { Case::Refused });
        }
        std::panic::catch_unwind(AssertUnwindSafe(|| tally.assert_meaningful("boxes"))).is_ok()
    };
    for (changed, total, enough) in [
        (0, 0, false),
        (0, 32, false),
        (1, 32, true),
        (1, 255, true),
        (0, 256, false),
        (25, 256, false),
        (26, 256, true),
    ] {
        assert_eq!(is_enough(changed, total), enough, "{changed} of {total}");
    }
}

/// A plan shows what is blocked; done before its time, it is refused at once.
#[tokio::test(start_paused = true)]
async fn what_is_blocked_is_shown_and_refused() {
    let used = || {
        let room = room();
        room.0.boxes.lock().unwrap().insert("tea".into(), "in use".into());
        room
    };
    let black = boxed(Bug::None);
    assert_eq!(check_laws(used, &black, Undo::Exact, |_| false).await, Case::Refused);
    let room = Arc::new(used().0);
    let approved = step(&room, black.clone()).preview(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(approved.diffs.len(), 1);
    assert!(!approved.is_satisfied() && approved.wait.is_none());
    let (ctx, exactly) = (Context::default(), Approval::Exactly(&approved));
    let refused = step(&room, black.clone()).run(&ctx, exactly).await.unwrap_err();
    assert_eq!((refused.class, refused.touched), (crate::FailureClass::Refused, Touched::Nothing));
    room.boxes.lock().unwrap().insert("tea".into(), "green".into());
    assert_eq!(step(&room, black).run(&ctx, exactly).await.map(|done| done.changed), Ok(true));
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
        Bug::TakesAnotherForIt,
    ] {
        let desired = boxed(bug);
        let holds = |boxes: &BTreeMap<String, String>| boxes["tea"] == "black";
        let laws = check_laws(room, &desired, Undo::Exact, holds);
        let checked = AssertUnwindSafe(laws).catch_unwind();
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
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let plan = plan(&shelf, &boxed(Bug::None)).await.unwrap();
    assert!(!ctx.has_written());
    let outcome = plan.apply(&ctx, &shelf).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Changed { before: Some("green".into()), after: Some("black".into()) }
    );
    assert!(ctx.has_written());
    let entries = journal.entries();
    let [
        Entry::Intent { step, undo, changes, temporary: false, .. },
        Entry::Applying { nth: 0, .. },
        Entry::Applied { nth: 0, .. },
        Entry::Verified { observed, .. },
    ] = &entries[..]
    else {
        panic!("{entries:?}");
    };
    assert_eq!((step.target.as_str(), step.kind.as_str()), ("shelf", "test.box.v1"));
    assert_eq!((step.key.as_str(), changes.len()), ("tea", 1));
    let undo = undo.as_ref().unwrap();
    assert_eq!((undo.kind.as_str(), &undo.desired["value"]), ("test.box.v1", &"green".into()));
    assert_eq!(*observed, Some("black".into()));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_stops_the_write() {
    struct Full;
    impl crate::Journal for Full {
        fn record(&self, _: &Entry) -> Result<(), crate::JournalError> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
        }
    }
    let (room, ctx) = (room(), Context::default().with_journal(Arc::new(Full)));
    let plan = plan(&room.0, &boxed(Bug::None)).await.unwrap();
    let error = plan.apply(&ctx, &room.0).await.unwrap_err();
    assert!(matches!(error, EnsureError::Journal { touched: Touched::Nothing, .. }));
    assert_eq!(room.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_is_honoured_before_a_write() {
    let (room, ctx) = (room(), Context::default());
    ctx.cancel().cancel();
    let error = ensure(&ctx, &room.0, &boxed(Bug::None)).await.unwrap_err();
    assert!(matches!(error, EnsureError::Cancelled { touched: Touched::Nothing, .. }), "{error}");
    assert_eq!(room.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_world_moved_is_stale_and_touches_nothing() {
    let (room, ctx) = (room(), Context::default());
    let mut desired = boxed(Bug::None);
    desired.value = None;
    let removal = plan(&room.0, &desired).await.unwrap();
    // The same fact, planned when the box was something else: the change is the same, so it may.
    room.0.boxes.lock().unwrap().insert("tea".into(), "white".into());
    removal.clone().apply(&ctx, &room.0).await.unwrap();
    // A plan that showed no change approves none.
    let nothing = plan(&room.0, &desired).await.unwrap();
    room.0.boxes.lock().unwrap().insert("tea".into(), "white".into());
    let writes = room.writes();
    let error = nothing.apply(&ctx, &room.0).await.unwrap_err();
    assert!(matches!(error, EnsureError::Stale { .. }), "{error}");
    assert_eq!(room.writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_step_does_what_was_approved_and_its_journal_leads_back() {
    let shelf = Arc::new(room().0);
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let tea = step(&shelf, boxed(Bug::None));
    let preview = tea.preview(ctx.now()).await.unwrap();
    assert!(preview.reversible && !preview.is_satisfied());
    let other = step(&shelf, Boxed { value: Some("white".into()), ..boxed(Bug::None) });
    let refused = other.run(&ctx, Approval::Exactly(&preview)).await.unwrap_err();
    assert_eq!(refused.class, crate::FailureClass::Stale);
    assert_eq!(tea.run(&ctx, Approval::Exactly(&preview)).await.map(|done| done.changed), Ok(true));
    let Entry::Intent { undo: Some(undo), .. } = &journal.entries()[0] else { panic!() };
    let back: Boxed = serde_json::from_value(undo.desired.clone()).unwrap();
    assert_eq!(
        step(&shelf, back).run(&ctx, Approval::Fact).await.map(|done| done.changed),
        Ok(true)
    );
    assert_eq!(shelf.boxes.lock().unwrap()["tea"], "green");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_why_and_what_next() {
    let (shelf, ctx) = (room().0, Context::default());
    shelf.boxes.lock().unwrap().insert("tea".into(), "locked".into());
    let failure = crate::Failure::from(ensure(&ctx, &shelf, &boxed(Bug::None)).await.unwrap_err());
    assert_eq!(failure.class, crate::FailureClass::Refused);
    assert_eq!(failure.to_string(), "refused to change box tea on shelf: it is locked");
    assert_eq!(failure.next.as_deref(), Some("unlock it"));
    assert_eq!(failure.touched, Touched::Nothing);
}
