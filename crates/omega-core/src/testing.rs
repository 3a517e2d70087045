//! The laws every [`Desired`] obeys, checked against a simulated world.

use std::fmt;

use crate::{Delta, Desired, NoJournal, Plan, Touched, ensure, plan};

/// A simulated target that can be looked at from outside and made to fail.
pub trait World: Send + Sync {
    /// The real client type, over a simulated transport.
    type Target: Send + Sync + ?Sized;
    /// Everything that an operation could have changed, without generated ids and times.
    type Snapshot: PartialEq + fmt::Debug;
    /// Returns the client.
    fn target(&self) -> &Self::Target;
    /// Returns the current state.
    fn snapshot(&self) -> Self::Snapshot;
    /// Returns how many writes were received.
    fn writes(&self) -> usize;
    /// Spoils the `nth` write, counted from 0.
    fn spoil_write(&self, nth: usize, fault: Fault);
}

/// What can go wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is lost, and the caller told.
    Lost,
    /// It took effect, and the answer is lost.
    AnswerLost,
    /// It is accepted, and has no effect.
    Ignored,
}

/// Whether undoing must restore everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Whatever has an undo must restore the snapshot exactly.
    Exact,
    /// The operation has none (a restart).
    None,
}

/// Checks the laws for one desired fact in one world.
///
/// # Panics
///
/// Panics with the name of the law that does not hold.
#[allow(clippy::panic, clippy::expect_used, reason = "an assertion helper for tests")]
pub async fn check_laws<D, W>(world: impl Fn() -> W, desired: &D, undo: Undo)
where
    D: Desired<Target = W::Target>,
    W: World,
{
    stored_and_read_back(desired);
    let w = world();
    let start = w.snapshot();
    let first = match plan(w.target(), desired).await {
        Ok(first) => first,
        Err(error) => {
            assert_eq!(error.touched(), Touched::Nothing, "law: refusing touches nothing");
            assert_eq!(w.writes(), 0, "law: refusing writes nothing");
            assert_eq!(w.snapshot(), start, "law: refusing changes nothing");
            return;
        }
    };
    assert_eq!(w.writes(), 0, "law: a plan writes nothing");
    assert_eq!(w.snapshot(), start, "law: a plan changes nothing");

    if let Err(error) = ensure(w.target(), desired).await {
        let wait = matches!(first.delta(), Delta::Wait(_));
        assert!(wait, "law: what can be planned can be done: {error:?}");
        assert_eq!(error.touched(), Touched::Nothing, "law: waiting touches nothing");
        assert_eq!(w.writes(), 0, "law: waiting writes nothing");
        return;
    }
    let end = w.snapshot();
    let writes = w.writes();
    let again = ensure(w.target(), desired).await.expect("law: ensure can be repeated");
    assert!(!again.changed(), "law: the second ensure finds nothing to do");
    assert_eq!(w.writes(), writes, "law: the second ensure writes nothing");
    if *first.delta() == Delta::Satisfied {
        assert_eq!(end, start, "law: satisfied means untouched");
    } else {
        assert!(writes > 0, "law: a change is a write");
    }
    undone(&w, &first, &start, undo).await;
    planned_is_applied(world(), &first, &end).await;
    faults(world, desired, writes, &end).await;
}

#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
fn stored_and_read_back<D: Desired>(desired: &D) {
    let text = serde_json::to_string(desired).expect("law: a desired fact can be stored");
    let back: D = serde_json::from_str(&text).expect("law: a desired fact can be read back");
    assert_eq!(back, *desired, "law: what is read back is what was stored");
}

#[allow(clippy::panic, clippy::expect_used, reason = "an assertion helper for tests")]
async fn undone<D, W>(w: &W, first: &Plan<D>, start: &W::Snapshot, undo: Undo)
where
    D: Desired<Target = W::Target>,
    W: World,
{
    match (first.undo(), undo) {
        (Some(back), Undo::Exact) => {
            stored_and_read_back(&back);
            ensure(w.target(), &back).await.expect("law: undo succeeds");
            assert_eq!(w.snapshot(), *start, "law: undo restores what was there");
        }
        (Some(_), Undo::None) => panic!("law: what is said to have no way back has none"),
        (None, Undo::Exact) => {
            let nothing = *first.delta() == Delta::Satisfied;
            assert!(nothing, "law: a change has a way back");
        }
        (None, Undo::None) => {}
    }
}

/// A stored plan does the same as the plan that was stored.
#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
async fn planned_is_applied<D, W>(w: W, first: &Plan<D>, end: &W::Snapshot)
where
    D: Desired<Target = W::Target>,
    W: World,
{
    if matches!(first.delta(), Delta::Wait(_)) {
        return;
    }
    let text = serde_json::to_string(first).expect("law: a plan can be stored");
    let stored: Plan<D> = serde_json::from_str(&text).expect("law: a plan can be read back");
    stored.apply(w.target(), &mut NoJournal).await.expect("law: a fresh plan is not stale");
    assert_eq!(w.snapshot(), *end, "law: a stored plan reaches the same state");
}

#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
async fn faults<D, W>(world: impl Fn() -> W, desired: &D, writes: usize, end: &W::Snapshot)
where
    D: Desired<Target = W::Target>,
    W: World,
{
    for nth in 0..writes {
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::Ignored] {
            let w = world();
            w.spoil_write(nth, fault);
            let error = ensure(w.target(), desired).await.expect_err("law: a fault is noticed");
            assert_eq!(error.touched(), Touched::Maybe, "law: a fault is admitted");
            ensure(w.target(), desired).await.expect("law: ensure recovers from a fault");
            assert_eq!(w.snapshot(), *end, "law: recovery reaches the same state ({fault:?})");
        }
    }
}

#[cfg(test)]
#[path = "testing_tests.rs"]
mod tests;
