use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::*;
use crate::{CancelToken, Context, Event, EventSink, FailureClass, Touched};

/// A lock in memory, whose clock is tokio's.
#[derive(Default)]
struct Place {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<(HeldLock, Instant)>,
    mine: Option<String>,
    token: u64,
    asked: Vec<&'static str>,
    breaks: bool,
}

impl Place {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, ..Self::default() })
    }

    fn hold(&self, id: &str, holder: LockHolder) {
        let mut state = self.state.lock().unwrap();
        let expires = jiff::Timestamp::UNIX_EPOCH;
        state.token += 1;
        let held = HeldLock { id: id.to_owned(), token: state.token, holder, expires };
        state.held = Some((held, Instant::now() + LOCK_LASTS));
    }

    fn holder(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.held().map(|held| held.holder.who.clone())
    }

    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl State {
    fn held(&self) -> Option<&HeldLock> {
        self.held.as_ref().filter(|(_, until)| *until > Instant::now()).map(|(held, _)| held)
    }
}

#[async_trait]
impl TargetLock for Place {
    fn place(&self) -> String {
        self.name.to_owned()
    }

    async fn acquire(&self, wanted: &LockWanted) -> Result<HeldLock, LockRefusal> {
        {
            let mut state = self.state.lock().unwrap();
            state.asked.push("acquire");
            if state.breaks {
                let failure = Failure::new(FailureClass::Error, "no route to host");
                return Err(LockRefusal::Failed(Box::new(failure)));
            }
            if let Some(held) = state.held()
                && wanted.instead_of.as_ref() != Some(&held.id)
            {
                return Err(LockRefusal::Held(Box::new(held.clone())));
            }
            state.mine = Some(wanted.id.clone());
        }
        self.hold(&wanted.id, wanted.holder.clone());
        Ok(self.state.lock().unwrap().held().unwrap().clone())
    }

    async fn renew(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap();
        state.asked.push("renew");
        let mine = state.mine.clone();
        match &mut state.held {
            Some((held, until)) if mine.as_ref() == Some(&held.id) => {
                *until = Instant::now() + LOCK_LASTS;
                Ok(())
            }
            _ => Err(Failure::new(FailureClass::Locked, "it was broken")),
        }
    }

    async fn release(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap();
        state.asked.push("release");
        if state.breaks {
            return Err(Failure::new(FailureClass::Error, "no route to host"));
        }
        let mine = state.mine.take();
        state.held = state.held.take().filter(|(held, _)| mine.as_ref() != Some(&held.id));
        Ok(())
    }

    async fn held(&self) -> Result<Option<HeldLock>, Failure> {
        Ok(self.state.lock().unwrap().held().cloned())
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl EventSink for Notes {
    fn event(&self, event: &Event) {
        if let Event::Note { text } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

fn context(who: &str, break_lock: Option<&str>) -> (Context, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let holder = LockHolder::this_process(who, "omega-cli test");
    let locking = Locking { holder, break_lock: break_lock.map(str::to_owned) };
    let ctx = Context::default().with_events(notes.clone()).with_locking(locking);
    (ctx, notes)
}

fn all(places: &[&Arc<Place>]) -> Vec<Arc<dyn TargetLock>> {
    places.iter().map(|one| Arc::clone(one) as Arc<dyn TargetLock>).collect()
}

fn other(who: &str) -> LockHolder {
    LockHolder { who: who.to_owned(), host: "elsewhere".to_owned(), ..LockHolder::default() }
}

#[tokio::test(start_paused = true)]
async fn all_locks_are_taken_or_none() {
    let (a, b, c) = (Place::new("a"), Place::new("b"), Place::new("c"));
    let (ctx, _) = context("alice", None);
    let held = ctx.lock(all(&[&c, &a, &b, &a]), "x").await.unwrap();
    assert_eq!([&a, &b, &c].map(|one| one.asked()), [["acquire"], ["acquire"], ["acquire"]]);
    held.release().await;
    assert_eq!([&a, &b, &c].map(|one| one.holder()), [None, None, None]);
    b.hold("other", other("bob"));
    for one in [&a, &b, &c] {
        one.asked();
    }
    let failure = ctx.lock(all(&[&a, &b, &c]), "x").await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Locked, Touched::Nothing));
    assert!(failure.found.as_ref().unwrap().starts_with("lock other of bob@elsewhere"));
    assert!(failure.next.as_ref().unwrap().contains("--break-lock other"), "{failure:?}");
    assert_eq!([a.holder(), b.holder(), c.holder()], [None, Some("bob".to_owned()), None]);
    // The first decides: the others are not even asked.
    a.hold("first", other("eve"));
    for one in [&a, &b, &c] {
        one.asked();
    }
    ctx.lock(all(&[&c, &b, &a]), "x").await.unwrap_err();
    assert_eq!([a.asked(), b.asked(), c.asked()], [vec!["acquire"], vec![], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn locks_are_renewed_until_they_are_released_or_lost() {
    let place = Place::new("a");
    let (ctx, notes) = context("alice", None);
    let held = ctx.lock(all(&[&place]), "x").await.unwrap();
    tokio::time::sleep(LOCK_LASTS * 5).await;
    assert_eq!(place.holder().as_deref(), Some("alice"));
    assert!(place.asked().len() > 10);
    place.hold("taken", other("bob"));
    tokio::time::sleep(LOCK_LASTS).await;
    let told = notes.0.lock().unwrap().clone();
    assert_eq!(told, ["a: the lock is lost: it was broken"], "once");
    held.release().await;
    let held = context("alice", None).0.lock(all(&[&Place::new("b")]), "x").await.unwrap();
    drop(held);
    place.asked();
    tokio::time::sleep(LOCK_LASTS).await;
    assert_eq!(place.asked(), Vec::<&str>::new(), "what was released is not renewed");
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_of_this_machine_is_replaced_and_no_other() {
    let mut gone = LockHolder::this_process("bob", "omega-cli apply");
    assert!(!gone.is_gone(), "this very process");
    gone.started = gone.started.map(|started| started + 1);
    assert!(gone.is_gone(), "its id was used again");
    let elsewhere = LockHolder { boot: "of another machine".to_owned(), ..gone.clone() };
    let unknown = LockHolder { boot: String::new(), started: None, ..gone.clone() };
    for (holder, replaced) in [(gone, true), (elsewhere, false), (unknown, false)] {
        let place = Place::new("a");
        place.hold("bobs", holder);
        let (ctx, notes) = context("alice", None);
        let taken = ctx.lock(all(&[&place]), "x").await;
        assert_eq!(taken.is_ok(), replaced);
        let told = notes.0.lock().unwrap().clone();
        assert_eq!(told.len(), usize::from(replaced), "{told:?}");
        assert!(told.iter().all(|text| text.contains("lock bobs of bob@")
            && text.contains("its process no longer runs")));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_lock_of_that_id_is_broken() {
    let place = Place::new("a");
    for (id, taken) in [("bob", false), ("bobs2", false), ("bobs", true)] {
        place.hold("bobs", other("bob"));
        let (ctx, notes) = context("alice", Some(id));
        let held = ctx.lock(all(&[&place]), "x").await;
        assert_eq!(held.is_ok(), taken, "{id}");
        assert_eq!(notes.0.lock().unwrap().len(), usize::from(taken));
        if let Ok(held) = held {
            held.release().await;
        }
    }
    // Where it is free, the flag changes nothing.
    context("alice", Some("bobs")).0.lock(all(&[&place]), "x").await.unwrap().release().await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_can_not_be_asked_for_stops_the_run_and_one_that_stays_is_told() {
    let (good, bad) = (Place::new("a"), Place::new("b"));
    bad.state.lock().unwrap().breaks = true;
    let (ctx, notes) = context("alice", None);
    let failure = ctx.lock(all(&[&good, &bad]), "x").await.unwrap_err();
    assert_eq!(failure.message, "could not lock b");
    assert_eq!(failure.causes, ["no route to host"]);
    assert_eq!((failure.class, failure.touched), (FailureClass::Error, Touched::Nothing));
    assert_eq!(good.holder(), None, "it is released again");
    bad.state.lock().unwrap().breaks = false;
    let held = ctx.lock(all(&[&good, &bad]), "x").await.unwrap();
    bad.state.lock().unwrap().breaks = true;
    held.release().await;
    let told = notes.0.lock().unwrap().clone();
    let expected = "b: the lock was not released, it expires: no route to host";
    assert_eq!((told, good.holder()), (vec![expected.to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn what_was_cancelled_still_releases() {
    let place = Place::new("a");
    let cancel = CancelToken::default();
    let ctx = context("alice", None).0.with_cancel(cancel.clone());
    let held = ctx.lock(all(&[&place]), "x").await.unwrap();
    cancel.cancel();
    held.release().await;
    assert_eq!(place.holder(), None);
}

#[test]
fn a_holder_of_another_version_is_read() {
    let text = r#"{"id":"a","token":3,"later":true,"expires":"2026-11-21T09:00:00.5Z","holder":{"who":"bob","later":1}}"#;
    let held: HeldLock = serde_json::from_str(text).unwrap();
    assert_eq!((held.token, held.holder.who.as_str(), held.holder.is_gone()), (3, "bob", false));
    let shown = "lock a of bob@unknown host, process 0, unknown command; it expires 2026-11-21 09:00:00 UTC unless it is renewed";
    assert_eq!(held.to_string(), shown);
    let strange = LockHolder { who: "b\u{1b}[2Job".to_owned(), ..held.holder };
    assert!(!strange.to_string().contains('\u{1b}'));
}
