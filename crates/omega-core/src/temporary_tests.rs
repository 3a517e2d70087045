use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    ChangeKind, Conflict, Describe, Diagnostic, Diff, Label, MemoryJournal, Retry, Subject,
};

/// Pods by name; the next write fails, with or without an effect.
#[derive(Debug, Default)]
struct Cluster {
    pods: Mutex<BTreeSet<String>>,
    fault: Mutex<Option<WriteFault>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum WriteFault {
    Refuse,
    LoseAnswer,
}

impl Label for Cluster {
    fn label(&self) -> String {
        "cluster".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No(Touched);

impl Diagnostic for No {
    fn touched(&self) -> Touched {
        self.0
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pod {
    name: String,
    there: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Put(Pod);

impl Describe for Put {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Create, Subject::new("pod", self.0.name.clone()), "")
    }
}

impl Desired for Pod {
    const KIND: &'static str = "test.pod.v1";
    type Target = Cluster;
    type Observed = bool;
    type Change = Put;
    type Undo = Self;
    type Error = No;

    fn subject(&self) -> Subject {
        Subject::new("pod", self.name.clone())
    }
    fn key(&self) -> String {
        self.name.clone()
    }
    async fn observe(&self, cluster: &Cluster) -> Result<bool, No> {
        Ok(cluster.pods.lock().unwrap().contains(&self.name))
    }
    fn diff(&self, there: &bool) -> Result<Delta<Put>, Conflict> {
        let put = || vec![Put(self.clone())];
        Ok(Delta::of(if *there == self.there { vec![] } else { put() }))
    }
    async fn apply(&self, _: &Context, cluster: &Cluster, Put(pod): &Put) -> Result<(), No> {
        let fault = cluster.fault.lock().unwrap().take();
        if fault == Some(WriteFault::Refuse) {
            return Err(No(Touched::Nothing));
        }
        let mut pods = cluster.pods.lock().unwrap();
        if pod.there {
            pods.insert(pod.name.clone())
        } else {
            pods.remove(&pod.name)
        };
        if fault.is_some() { Err(No(Touched::Maybe)) } else { Ok(()) }
    }
    fn undo(&self, before: &bool) -> Option<Self> {
        Some(Self { there: *before, ..self.clone() })
    }
}

fn pod() -> Pod {
    Pod { name: "probe-1".into(), there: true }
}

fn journaled() -> (Context, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::default());
    (Context::default().with_journal(journal.clone()), journal)
}

#[tokio::test(start_paused = true)]
async fn it_is_there_for_the_work_and_gone_afterwards() {
    let (cluster, (ctx, journal)) = (Arc::new(Cluster::default()), journaled());
    let seen = Arc::clone(&cluster);
    let work = |there| async move {
        assert!(there && seen.pods.lock().unwrap().contains("probe-1"));
        Ok(7)
    };
    assert_eq!(with_temporary(&ctx, &*cluster, &pod(), work).await, Ok(7));
    assert!(cluster.pods.lock().unwrap().is_empty());
    assert_eq!(leftovers(&journal.entries()), []);
    // Neither what made it nor what removed it is anything to roll back.
    let entries = journal.entries();
    let lasting = |entry: &&Entry| matches!(entry, Entry::Intent { temporary: false, .. });
    assert_eq!(entries.iter().find(lasting), None);
    let undone = |entry: &&Entry| matches!(entry, Entry::Intent { undo: Some(_), .. });
    assert_eq!(entries.iter().filter(undone).count(), 1, "only the creation names its removal");
}

#[tokio::test(start_paused = true)]
async fn it_goes_when_the_work_fails_when_making_it_fails_and_when_stopped() {
    let (cluster, (ctx, journal)) = (Cluster::default(), journaled());
    let fails = |_| async { Err::<(), _>(Failure::new(FailureClass::Error, "it burnt")) };
    let failure = with_temporary(&ctx, &cluster, &pod(), fails).await.unwrap_err();
    assert_eq!((failure.message.as_str(), &failure.found), ("it burnt", &None));
    *cluster.fault.lock().unwrap() = Some(WriteFault::LoseAnswer);
    let never = |_| async { Ok(()) };
    let failure = with_temporary(&ctx, &cluster, &pod(), never).await.unwrap_err();
    assert_eq!(failure.touched, Touched::Maybe);
    let cancel = ctx.cancel().clone();
    let stops = |_| async move {
        cancel.cancel();
        Err::<(), _>(Failure::new(FailureClass::Interrupted, "stopped"))
    };
    let failure = with_temporary(&ctx, &cluster, &pod(), stops).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Interrupted);
    assert!(cluster.pods.lock().unwrap().is_empty());
    assert_eq!(leftovers(&journal.entries()), []);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_removed_is_said_and_found_in_the_journal() {
    let (cluster, (ctx, journal)) = (Arc::new(Cluster::default()), journaled());
    let held = Arc::clone(&cluster);
    let work = |_| async move {
        *held.fault.lock().unwrap() = Some(WriteFault::Refuse);
        Ok(())
    };
    let failure = with_temporary(&ctx, &*cluster, &pod(), work).await.unwrap_err();
    assert_eq!(failure.found.as_deref(), Some("left behind: pod probe-1 on cluster"));
    assert!(failure.next.unwrap().contains("runs sweep"));
    let entries = journal.entries();
    let [(step, undo)] = &leftovers(&entries)[..] else { panic!("{entries:?}") };
    assert_eq!((step.key.as_str(), undo.kind.as_str()), ("probe-1", "test.pod.v1"));
    let gone: Pod = serde_json::from_value(undo.desired.clone()).unwrap();
    ensure(&ctx, &*cluster, &gone).await.unwrap();
    assert!(cluster.pods.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_not_taken_for_its_own() {
    let (cluster, (ctx, journal)) = (Cluster::default(), journaled());
    cluster.pods.lock().unwrap().insert("probe-1".into());
    let work = |_| async { Ok(()) };
    let failure = with_temporary(&ctx, &cluster, &pod(), work).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    assert!(cluster.pods.lock().unwrap().contains("probe-1"));
    assert_eq!(journal.entries(), []);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_proof_fails_changes_nothing() {
    let (cluster, (ctx, journal)) = (Arc::new(Cluster::default()), journaled());
    let kept = Pod { name: "kept".into(), there: true };
    let step = crate::step_with_proof(&cluster, kept, |_, _| pod());
    *cluster.fault.lock().unwrap() = Some(WriteFault::Refuse);
    step.run(&ctx, crate::Approval::Fact).await.unwrap_err();
    assert!(cluster.pods.lock().unwrap().is_empty());
    assert!(step.run(&ctx, crate::Approval::Fact).await.unwrap().changed);
    assert_eq!(*cluster.pods.lock().unwrap(), BTreeSet::from(["kept".to_owned()]));
    let proofs = |journal: &MemoryJournal| {
        let entries = journal.entries();
        entries.iter().filter(|entry| matches!(entry, Entry::Removed { .. })).count()
    };
    let before = proofs(&journal);
    assert!(
        !step.run(&ctx, crate::Approval::Fact).await.unwrap().changed,
        "there is nothing to prove"
    );
    assert_eq!(proofs(&journal), before);
    assert_eq!(leftovers(&journal.entries()), []);
}
