//! A target that was as desired at the first look, and is changed by another run before the locks are held.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diagnostic, Diff, Failure,
    FailureClass, Item, Label, Retry, Section, Subject, TargetPlan, Touched, step,
};

/// A switchboard with two switches, and a lock that counts how often it is held.
#[derive(Debug, Default)]
struct Board {
    name: &'static str,
    on: [AtomicBool; 2],
    held: AtomicUsize,
    /// Another run switches this one off before the lock of `self` is taken.
    disturbs: Weak<Board>,
}

struct BoardLock(Arc<Board>);

#[async_trait]
impl TargetLock for BoardLock {
    fn place(&self) -> String {
        self.0.name.to_owned()
    }
    async fn acquire(&self, wanted: &LockWanted) -> Result<HeldLock, LockRefusal> {
        if let Some(other) = self.0.disturbs.upgrade() {
            other.on[0].store(false, Ordering::SeqCst);
        }
        self.0.held.fetch_add(1, Ordering::SeqCst);
        let expires = jiff::Timestamp::UNIX_EPOCH;
        Ok(HeldLock { id: wanted.id.clone(), token: 1, holder: wanted.holder.clone(), expires })
    }
    async fn renew(&self) -> Result<(), Failure> {
        Ok(())
    }
    async fn release(&self) -> Result<(), Failure> {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
    async fn held(&self) -> Result<Option<HeldLock>, Failure> {
        Ok(None)
    }
}

struct Target(Arc<Board>);

impl Label for Target {
    fn label(&self) -> String {
        self.0.name.to_owned()
    }
    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        Some(Arc::new(BoardLock(Arc::clone(&self.0))))
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

/// This switch is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct On(usize);

impl Describe for On {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Update, self.subject(), "switch on")
    }
}

impl Desired for On {
    const KIND: &'static str = "test.switch.v1";
    type Target = Target;
    type Observed = bool;
    type Change = Self;
    type Undo = Self;
    type Error = No;

    fn subject(&self) -> Subject {
        Subject::new("switch", self.0.to_string())
    }
    fn key(&self) -> String {
        self.0.to_string()
    }
    async fn observe(&self, target: &Target) -> Result<bool, No> {
        Ok(target.0.on[self.0].load(Ordering::SeqCst))
    }
    fn diff(&self, on: &bool) -> Result<Delta<Self>, Conflict> {
        Ok(Delta::of(if *on { vec![] } else { vec![self.clone()] }))
    }
    async fn apply(&self, _: &Context, target: &Target, _: &Self) -> Result<(), No> {
        assert!(target.0.held.load(Ordering::SeqCst) > 0, "a write without the lock");
        target.0.on[self.0].store(true, Ordering::SeqCst);
        Ok(())
    }
    fn undo(&self, _: &bool) -> Option<Self> {
        None
    }
}

fn target(board: &Arc<Board>) -> TargetPlan {
    let target = Arc::new(Target(Arc::clone(board)));
    let items = [0, 1].map(|nth| Item::Step(step(&target, On(nth))));
    TargetPlan::shared(board.name, vec![Section::new("1", "switches", items.into())])
}

#[tokio::test]
async fn a_target_that_was_not_locked_is_not_written() {
    let second = Arc::new(Board { name: "b", on: [true.into(), true.into()], ..Board::default() });
    let disturbs = Arc::downgrade(&second);
    let first = Arc::new(Board { name: "a", disturbs, ..Board::default() });
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::new(Runs::new(home.path()), Context::default());
    let job = Job::new("light", "omega.toml", vec![target(&first), target(&second)]);

    let stale = engine.apply(&job, Approved::Now).await.unwrap_err();
    assert_eq!((stale.class, stale.touched), (FailureClass::Stale, Touched::Nothing));
    assert!(stale.message.starts_with("b was changed while the locks were taken"), "{stale}");
    assert!(!first.on[0].load(Ordering::SeqCst), "nothing was written anywhere");
    assert_eq!(first.held.load(Ordering::SeqCst), 0, "the lock is released");

    let again = engine.apply(&job, Approved::Now).await.unwrap();
    assert_eq!((again.exit, again.recap.changed), (Status::Done, 3));
    let held = [&first, &second].map(|board| board.held.load(Ordering::SeqCst));
    assert_eq!(held, [0, 0]);
}
