//! What is of use only as a whole: a chest, and then its lid.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};

use crate::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diagnostic, Diff, EnsureError, Entry,
    Journal as _, Label, MemoryJournal, PollPolicy, Retry, Subject, Touched, ensure, leftovers,
    testing::{Case, Fault, REFUSAL, Undo, World, check_laws},
};

/// Chests by name, with or without a lid.
#[derive(Debug, Default)]
struct Workshop {
    chests: Mutex<BTreeMap<String, bool>>,
    writes: Mutex<usize>,
    faults: Mutex<Vec<(usize, Fault)>>,
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the answer was lost")]
    Lost,
    #[error("{REFUSAL}")]
    Refused,
}

impl Diagnostic for Broken {
    fn touched(&self) -> Touched {
        match self {
            Self::Lost => Touched::Maybe,
            Self::Refused => Touched::Nothing,
        }
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

impl Label for Workshop {
    fn label(&self) -> String {
        "workshop".into()
    }
}

impl World for Workshop {
    type Target = Self;
    type Snapshot = BTreeMap<String, bool>;
    fn target(&self) -> &Self {
        self
    }
    fn snapshot(&self) -> Self::Snapshot {
        self.chests.lock().unwrap().clone()
    }
    fn writes(&self) -> usize {
        *self.writes.lock().unwrap()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.faults.lock().unwrap().push((nth, fault));
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Work {
    Chest(String),
    Lid(String),
    Remove(String),
}

impl Describe for Work {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Update, Subject::new("chest", format!("{self:?}")), "")
    }
}

impl Workshop {
    fn work(&self, work: &Work) -> Result<(), Broken> {
        let nth = std::mem::replace(&mut *self.writes.lock().unwrap(), 0);
        *self.writes.lock().unwrap() = nth + 1;
        let faults = self.faults.lock().unwrap().clone();
        let fault = faults.into_iter().find(|(faulty, _)| *faulty == nth).map(|(_, fault)| fault);
        if matches!(fault, None | Some(Fault::AnswerLost)) {
            let mut chests = self.chests.lock().unwrap();
            match work.clone() {
                Work::Chest(name) => chests.insert(name, false),
                Work::Lid(name) => chests.insert(name, true),
                Work::Remove(name) => chests.remove(&name),
            };
        }
        match fault {
            Some(Fault::Lost | Fault::AnswerLost) => Err(Broken::Lost),
            Some(Fault::Refused) => Err(Broken::Refused),
            Some(Fault::Ignored) | None => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chest {
    name: String,
    starts_over: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NoChest {
    name: String,
    only_open: bool,
}

impl Desired for Chest {
    const KIND: &'static str = "test.chest.v1";
    type Target = Workshop;
    type Observed = Option<bool>;
    type Change = Work;
    type Undo = NoChest;
    type Error = Broken;

    fn subject(&self) -> Subject {
        Subject::new("chest", self.name.clone())
    }
    fn key(&self) -> String {
        self.name.clone()
    }
    async fn observe(&self, shop: &Workshop) -> Result<Option<bool>, Broken> {
        Ok(shop.snapshot().get(&self.name).copied())
    }
    fn diff(&self, lid: &Option<bool>) -> Result<Delta<Work>, Conflict> {
        let lid_only = || Work::Lid(self.name.clone());
        Ok(Delta::of(match lid {
            None => vec![Work::Chest(self.name.clone()), lid_only()],
            Some(false) => vec![lid_only()],
            Some(true) => vec![],
        }))
    }
    async fn apply(&self, _: &Context, shop: &Workshop, work: &Work) -> Result<(), Broken> {
        shop.work(work)
    }
    fn undo(&self, before: &Option<bool>) -> Option<NoChest> {
        let all = NoChest { name: self.name.clone(), only_open: false };
        before.is_none().then_some(all)
    }
    fn cleanup(&self, _: &Option<bool>) -> Option<NoChest> {
        Some(NoChest { name: self.name.clone(), only_open: true })
    }
    fn starts_over(&self, _: &Broken) -> bool {
        self.starts_over
    }
    fn verifies_each_change(&self) -> bool {
        true
    }
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(std::time::Duration::ZERO, std::time::Duration::ZERO)
    }
}

impl Desired for NoChest {
    const KIND: &'static str = "test.no-chest.v1";
    type Target = Workshop;
    type Observed = Option<bool>;
    type Change = Work;
    type Undo = Self;
    type Error = Broken;

    fn subject(&self) -> Subject {
        Subject::new("chest", self.name.clone())
    }
    fn key(&self) -> String {
        self.name.clone()
    }
    async fn observe(&self, shop: &Workshop) -> Result<Option<bool>, Broken> {
        Ok(shop.snapshot().get(&self.name).copied())
    }
    fn diff(&self, lid: &Option<bool>) -> Result<Delta<Work>, Conflict> {
        let there = lid.is_some_and(|lid| !lid || !self.only_open);
        Ok(Delta::of(if there { vec![Work::Remove(self.name.clone())] } else { vec![] }))
    }
    async fn apply(&self, _: &Context, shop: &Workshop, work: &Work) -> Result<(), Broken> {
        shop.work(work)
    }
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(std::time::Duration::ZERO, std::time::Duration::ZERO)
    }
}

fn chest() -> Chest {
    Chest { name: "oak".into(), starts_over: false }
}

#[tokio::test]
async fn the_laws_hold_for_what_is_removed_when_it_fails() {
    let holds = |chests: &BTreeMap<String, bool>| chests.get("oak") == Some(&true);
    let case = check_laws(Workshop::default, &chest(), Undo::Exact, holds).await;
    assert_eq!(case, Case::Changed);
}

#[tokio::test]
async fn what_fails_half_way_is_removed_and_its_error_says_that_nothing_is_left() {
    let shop = Workshop::default();
    shop.inject_fault(1, Fault::Ignored);
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let error = ensure(&ctx, &shop, &chest()).await.unwrap_err();
    assert_eq!((error.touched(), shop.snapshot().len()), (Touched::Nothing, 0), "{error}");
    assert_eq!(leftovers(&journal.entries()), []);
}

#[tokio::test]
async fn what_cannot_be_removed_is_said_and_swept() {
    let shop = Workshop::default();
    shop.inject_fault(1, Fault::Lost);
    shop.inject_fault(2, Fault::Refused);
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let error = ensure(&ctx, &shop, &chest()).await.unwrap_err();
    let EnsureError::LeftBehind { why, .. } = &error else { panic!("{error:?}") };
    assert!(why.contains(REFUSAL), "{why}");
    assert_eq!(error.touched(), Touched::Maybe);
    let left = leftovers(&journal.entries());
    let kinds: Vec<_> = left.iter().map(|(_, undo)| undo.kind.as_str()).collect();
    assert_eq!(kinds, [NoChest::KIND]);
}

#[tokio::test]
async fn a_killed_run_leaves_its_cleanup_in_the_journal_until_the_whole_was_seen() {
    let (shop, journal) = (Workshop::default(), Arc::new(MemoryJournal::default()));
    let ctx = Context::default().with_journal(journal.clone());
    ensure(&ctx, &shop, &chest()).await.unwrap();
    let entries = journal.entries();
    assert_eq!(leftovers(&entries), []);
    let whole = entries.iter().position(|entry| matches!(entry, Entry::Verified { .. })).unwrap();
    assert_eq!(leftovers(&entries[..whole]).len(), 1, "killed before");
    journal.record(&entries[0]).unwrap();
    assert_eq!(leftovers(&journal.entries()).len(), 1, "begun again");
}

#[tokio::test]
async fn what_starts_over_starts_from_nothing_and_not_for_ever() {
    let again = Chest { starts_over: true, ..chest() };
    let shop = Workshop::default();
    shop.inject_fault(1, Fault::Lost);
    assert!(ensure(&Context::default(), &shop, &again).await.unwrap().changed());
    assert_eq!(shop.writes(), 5, "chest, lid (lost), removed, chest, lid");
    let shop = Workshop::default();
    (0..20).for_each(|nth| shop.inject_fault(nth, Fault::Refused));
    ensure(&Context::default(), &shop, &again).await.unwrap_err();
    assert_eq!(shop.writes(), 3);
}

#[tokio::test]
async fn a_change_that_did_not_take_effect_keeps_the_next_one_from_being_made() {
    let shop = Workshop::default();
    shop.inject_fault(0, Fault::Ignored);
    ensure(&Context::default(), &shop, &chest()).await.unwrap_err();
    assert_eq!(shop.writes(), 1, "no lid without a chest");
}
