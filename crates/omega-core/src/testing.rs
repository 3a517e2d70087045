//! The laws every [`Desired`] obeys, checked against a simulated world.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::Deserialize as _;

use crate::{Context, Delta, Desired, Entry, MemoryJournal, Plan, Touched, chain, ensure, plan};

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
    /// Returns how many writes were received, dry runs included.
    fn writes(&self) -> usize;
    /// Spoils the `nth` write, counted from 0.
    fn inject_fault(&self, nth: usize, fault: Fault);
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
    /// It is refused, with the words [`REFUSAL`], and has no effect.
    Refused,
}

/// What a simulator says when it refuses a write on purpose.
pub const REFUSAL: &str = "refused for the sake of the test";

/// From this many cases on a share of them means something: proptest's default.
const MANY: usize = 256;

const FAULTS: [Fault; 4] = [Fault::Lost, Fault::AnswerLost, Fault::Ignored, Fault::Refused];

/// Whether undoing must restore everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Whatever has an undo must restore the snapshot exactly.
    Exact,
    /// The operation has none (a restart).
    None,
}

/// What a case turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "count it in a Tally: a test whose cases are all refused shows nothing"]
pub enum Case {
    /// Something was changed, and undone.
    Changed,
    /// There was nothing to change.
    Satisfied,
    /// The operation refused.
    Refused,
    /// There was nothing to do but wait.
    Waiting,
}

/// Counts what the cases of a test turned out to be.
#[derive(Debug, Default)]
pub struct Tally([AtomicUsize; 4]);

impl Tally {
    /// Returns one that counts from zero; for a `static`.
    pub const fn new() -> Self {
        Self([const { AtomicUsize::new(0) }; 4])
    }

    /// Counts one case.
    pub fn count(&self, case: Case) {
        if let Some(counter) = self.0.get(case as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many cases there were of each kind.
    pub fn cases(&self) -> [(Case, usize); 4] {
        let all = [Case::Changed, Case::Satisfied, Case::Refused, Case::Waiting];
        let count = |case: Case| self.0.get(case as usize).map_or(0, |n| n.load(Ordering::Relaxed));
        all.map(|case| (case, count(case)))
    }

    /// Asserts that enough cases changed something for the laws to mean something, and says how many
    /// of each kind there were.
    ///
    /// # Panics
    ///
    /// Panics if no case changed something, or, of 256 cases and more, fewer than a tenth. How many of
    /// fewer cases change something is a matter of luck.
    #[allow(clippy::panic, clippy::print_stdout, reason = "an assertion helper for tests")]
    pub fn assert_meaningful(&self, operation: &str) {
        let cases = self.cases();
        let total: usize = cases.iter().map(|(_, count)| count).sum();
        let shown: Vec<_> = cases.iter().map(|(case, count)| format!("{count} {case:?}")).collect();
        let shown = shown.join(", ").to_lowercase();
        println!("laws of {operation}: {total} cases ({shown})");
        let changed = cases.iter().find(|(case, _)| *case == Case::Changed).map_or(0, |(_, n)| *n);
        let enough = changed > 0 && (total < MANY || changed * 10 >= total);
        assert!(enough, "too few cases change anything: {shown}");
    }
}

/// Checks the laws for one desired fact in one world. `holds` says from outside, of a snapshot,
/// whether the fact is true in it.
///
/// # Panics
///
/// Panics with the name of the law that does not hold.
#[allow(clippy::panic, clippy::expect_used, reason = "an assertion helper for tests")]
pub async fn check_laws<D, W>(
    world: impl Fn() -> W,
    desired: &D,
    undo: Undo,
    holds: impl Fn(&W::Snapshot) -> bool,
) -> Case
where
    D: Desired<Target = W::Target>,
    W: World,
{
    let journal = Arc::new(MemoryJournal::default());
    let ctx = &Context::default().with_journal(journal.clone());
    stored_and_read_back(desired);
    let w = world();
    let start = w.snapshot();
    let first = match plan(w.target(), desired).await {
        Ok(first) => first,
        Err(error) => {
            assert_eq!(error.touched(), Touched::Nothing, "law: refusing touches nothing");
            assert_eq!(w.writes(), 0, "law: refusing writes nothing");
            assert_eq!(w.snapshot(), start, "law: refusing changes nothing");
            return Case::Refused;
        }
    };
    assert_eq!(w.writes(), 0, "law: a plan writes nothing");
    assert_eq!(w.snapshot(), start, "law: a plan changes nothing");
    if matches!(first.delta(), Delta::Satisfied) {
        assert!(holds(&start), "law: satisfied means that it is so: {start:#?}");
    }

    if let Err(error) = ensure(ctx, w.target(), desired).await {
        let case = match first.delta() {
            Delta::Wait(_) => Case::Waiting,
            Delta::Blocked { .. } => Case::Refused,
            Delta::Satisfied | Delta::Changes(_) => {
                panic!("law: what can be planned can be done: {}", chain(&error).join(": "))
            }
        };
        assert_eq!(error.touched(), Touched::Nothing, "law: waiting touches nothing");
        assert_eq!(w.writes(), 0, "law: waiting writes nothing");
        return case;
    }
    assert!(!matches!(first.delta(), Delta::Blocked { .. }), "law: what is blocked is refused");
    let end = w.snapshot();
    let writes = w.writes();
    assert!(holds(&end), "law: what was ensured is so: {end:#?}");
    let again = ensure(ctx, w.target(), desired).await.expect("law: ensure can be repeated");
    assert!(!again.changed(), "law: the second ensure finds nothing to do");
    assert_eq!(w.writes(), writes, "law: the second ensure writes nothing");
    match first.delta() {
        Delta::Satisfied => assert_eq!(end, start, "law: satisfied means untouched"),
        Delta::Changes(changes) => assert_eq!(writes, changes.len(), "law: a change is one write"),
        Delta::Wait(_) | Delta::Blocked { .. } => {}
    }
    undone::<D, W>(&w, &journal.entries(), &start, undo).await;
    planned_is_applied(world(), &first, &end).await;
    faults(world, desired, writes, &end, first.cleanup().map(|_| &start)).await;
    if writes > 0 { Case::Changed } else { Case::Satisfied }
}

#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
fn stored_and_read_back<D: Desired>(desired: &D) {
    let text = serde_json::to_string(desired).expect("law: a desired fact can be stored");
    let back: D = serde_json::from_str(&text).expect("law: a desired fact can be read back");
    assert_eq!(back, *desired, "law: what is read back is what was stored");
    assert_eq!(back.key(), desired.key(), "law: the same fact has the same key");
}

/// What the journal says restores the state before does so.
#[allow(clippy::panic, clippy::expect_used, reason = "an assertion helper for tests")]
async fn undone<D, W>(w: &W, entries: &[Entry], start: &W::Snapshot, undo: Undo)
where
    D: Desired<Target = W::Target>,
    W: World,
{
    let Some(Entry::Intent { undo: back, .. }) = entries.first() else { return };
    match (back, undo) {
        (Some(back), Undo::Exact) => {
            assert_eq!(back.kind, D::Undo::KIND, "law: undo is of its own kind");
            let back = D::Undo::deserialize(&back.desired).expect("law: undo can be read back");
            stored_and_read_back(&back);
            let ctx = &Context::default();
            ensure(ctx, w.target(), &back).await.expect("law: undo succeeds");
            assert_eq!(w.snapshot(), *start, "law: undo restores what was there");
        }
        (Some(_), Undo::None) => panic!("law: what is said to have no undo has none"),
        (None, Undo::Exact) => panic!("law: a change can be undone"),
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
    let ctx = &Context::default();
    stored.apply(ctx, w.target()).await.expect("law: a fresh plan is not stale");
    assert_eq!(w.snapshot(), *end, "law: a stored plan reaches the same state");
}

/// `cleaned`: the state that a failure restores, where what was made is removed at once.
#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
async fn faults<D, W>(
    world: impl Fn() -> W,
    desired: &D,
    writes: usize,
    end: &W::Snapshot,
    cleaned: Option<&W::Snapshot>,
) where
    D: Desired<Target = W::Target>,
    W: World,
{
    let ctx = &Context::default();
    for nth in 0..writes {
        for fault in FAULTS {
            let w = world();
            w.inject_fault(nth, fault);
            let error =
                ensure(ctx, w.target(), desired).await.expect_err("law: a fault is noticed");
            if let Some(start) = cleaned {
                let left = w.snapshot();
                let nothing = left == *start;
                assert!(nothing || left == *end, "law: no part is left ({fault:?}): {left:#?}");
                let said = error.touched() == Touched::Nothing;
                assert!(nothing || !said, "law: a fault is admitted ({fault:?})");
            } else if fault != Fault::Refused {
                assert_eq!(error.touched(), Touched::Maybe, "law: a fault is admitted");
            }
            if fault == Fault::Refused {
                let touched =
                    if nth == 0 || cleaned.is_some() { Touched::Nothing } else { Touched::Maybe };
                assert_eq!(error.touched(), touched, "law: a refusal touches nothing");
                let words = chain(&error).join(": ");
                assert!(words.contains(REFUSAL), "law: the service's words are kept: {words}");
            }
            ensure(ctx, w.target(), desired).await.expect("law: ensure recovers from a fault");
            assert_eq!(w.snapshot(), *end, "law: recovery reaches the same state ({fault:?})");
        }
    }
}

/// Returns each [`Desired::KIND`] that the sources in `directory` define, apart from those of tests
/// (`test.`). A registry is compared with it, so that none is forgotten.
///
/// # Panics
///
/// Panics if they can't be read.
#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
pub fn defined_kinds(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            found.extend(defined_kinds(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the sources can be read");
            let kinds = text.split("const KIND: &'static str = \"").skip(1);
            let kinds = kinds.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
            found.extend(kinds.filter(|kind| !kind.starts_with("test.")));
        }
    }
    found
}

/// Returns the name of every [`CheckRule`](crate::CheckRule) that the sources below `directory` define,
/// and the files in which a gate or a wait has a name that is none of a rule.
///
/// # Panics
///
/// Panics if the sources can't be read.
#[allow(clippy::expect_used, reason = "an assertion helper for tests")]
pub fn defined_rules(directory: &Path) -> (BTreeSet<String>, Vec<String>) {
    let (mut names, mut unnamed) = (BTreeSet::new(), Vec::new());
    for entry in fs::read_dir(directory).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let (more, others) = defined_rules(&path);
            names.extend(more);
            unnamed.extend(others);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !name.ends_with("tests.rs")
        {
            let text = fs::read_to_string(&path).expect("the sources can be read");
            let text: String = text.split_whitespace().collect();
            let text = text.split("#[cfg(test)]mod").next().unwrap_or_default();
            let found = text.split("CheckRule::new(\"").skip(1);
            names.extend(found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            if text.contains("fnrule(&self)->&'staticstr{\"") {
                unnamed.push(name);
            }
        }
    }
    (names, unnamed)
}

#[cfg(test)]
#[path = "testing_tests.rs"]
mod tests;
