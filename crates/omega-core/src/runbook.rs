//! Steps and gates in the order of the document they replace.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, join_all, select};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

use crate::{
    Approval, Failure, FailureClass, Gate, Journal, Preview, Step, Subject, Touched, Verdict,
};

/// The part of a runbook that is about one target.
#[derive(Debug, Default)]
pub struct TargetPlan {
    /// The target's label.
    pub target: String,
    /// The sections, in the order of the document.
    pub sections: Vec<Section>,
}

/// A numbered section of the document.
#[derive(Debug, Default)]
pub struct Section {
    /// The number, as in the document (`7.4`).
    pub number: &'static str,
    /// The title.
    pub title: &'static str,
    /// Run in order.
    pub items: Vec<Item>,
}

/// A question or a change.
pub enum Item {
    /// A question.
    Gate(Box<dyn Gate>),
    /// A change.
    Step(Box<dyn Step>),
}

impl Item {
    /// Returns what it is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Gate(gate) => gate.subject(),
            Self::Step(step) => step.subject(),
        }
    }

    async fn preview(&self) -> ItemPreview {
        let subject = self.subject();
        let (kind, found) = match self {
            Self::Gate(gate) => match gate.check().await {
                Ok(verdict) => ("gate".to_owned(), ItemState::Verdict(verdict)),
                Err(failure) => ("gate".to_owned(), ItemState::Failed(failure)),
            },
            Self::Step(step) => match step.preview().await {
                Ok(preview) => (preview.kind.clone(), ItemState::Preview(preview)),
                Err(failure) => ("step".to_owned(), ItemState::Failed(failure)),
            },
        };
        ItemPreview { subject, kind, found }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject())
    }
}

/// What a leg would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetPreview {
    /// The target's label.
    pub target: String,
    /// The sections, in order.
    pub sections: Vec<SectionPreview>,
}

/// What a section would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionPreview {
    /// The number.
    pub number: String,
    /// The title.
    pub title: String,
    /// In order.
    pub items: Vec<ItemPreview>,
}

/// What an item would do or answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemPreview {
    /// What it is about.
    pub subject: Subject,
    /// The step's [`Desired::KIND`](crate::Desired::KIND), or `gate`.
    pub kind: String,
    /// What was found.
    pub found: ItemState,
}

/// What looking at an item found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// A gate's answer.
    Verdict(Verdict),
    /// What a step would do.
    Preview(Preview),
    /// It could not be looked at, or it refuses.
    Failed(Failure),
}

impl TargetPreview {
    /// Returns every item, in order.
    pub fn items(&self) -> impl Iterator<Item = &ItemPreview> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// Returns what stands in the way of a first write: a gate that says no, a refusal, a target
    /// that can't be read.
    pub fn obstacle(&self) -> Option<Failure> {
        self.items().find_map(|item| match &item.found {
            ItemState::Verdict(Verdict::Fail { why, next }) => {
                Some(no(&item.subject, why, next.as_ref()))
            }
            ItemState::Failed(failure) => Some(failure.clone()),
            ItemState::Verdict(Verdict::Pass { .. } | Verdict::Deferred { .. })
            | ItemState::Preview(_) => None,
        })
    }

    /// Returns whether some step has something to do.
    pub fn pending(&self) -> bool {
        self.items().any(|item| match &item.found {
            ItemState::Preview(preview) => !preview.is_satisfied(),
            ItemState::Verdict(_) | ItemState::Failed(_) => false,
        })
    }

    fn approval(&self, subject: &Subject) -> Option<&Preview> {
        self.items().find_map(|item| match &item.found {
            ItemState::Preview(preview) if item.subject == *subject => Some(preview),
            ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
        })
    }
}

fn no(subject: &Subject, why: &str, next: Option<&String>) -> Failure {
    let failure = Failure::new(FailureClass::Gate, format!("{subject}: no")).because(why);
    Failure { next: next.cloned(), ..failure }
}

/// Looks at every item of every leg at the same time, so that what asks one target can share one
/// round trip. Writes nothing.
pub async fn preview(legs: &[TargetPlan]) -> Vec<TargetPreview> {
    join_all(legs.iter().map(TargetPlan::preview)).await
}

/// The operator's wish to stop. It is honoured between two steps, and while a gate is asked: that
/// only reads, and may wait for long.
#[derive(Clone, Debug)]
pub struct CancelToken {
    asked: Arc<watch::Sender<bool>>,
    begun: Arc<AtomicBool>,
}

impl Default for CancelToken {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(false)), begun: Arc::default() }
    }
}

impl CancelToken {
    /// Asks to stop.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Returns whether it was asked.
    pub fn asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Says that from now on something may be written. [`TargetPlan::run`] does so before its first step.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
    }

    /// Returns whether something may have been written: until then nothing is lost if the program
    /// ends at once.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Returns once it is asked.
    async fn wait(&self) {
        // The sender is here: it does not go before an answer.
        drop(self.asked.subscribe().wait_for(|asked| *asked).await);
    }
}

/// What happens while a leg runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A step begins to write.
    Started {
        /// The target's label.
        target: &'a str,
        /// What it is about.
        subject: &'a Subject,
        /// What was shown before.
        approved: Option<&'a Preview>,
    },
    /// A step or a gate ended.
    Ended {
        /// The target's label.
        target: &'a str,
        /// What it is about.
        subject: &'a Subject,
        /// What came of it.
        done: &'a ItemOutcome,
        /// How long it took.
        took: Duration,
    },
}

/// What came of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    /// It was so already.
    Unchanged,
    /// It is so now.
    Changed,
    /// The gate holds.
    Passed {
        /// What shows it.
        evidence: String,
    },
    /// The gate can't be answered yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
    /// It failed, or the gate said no.
    Failed(Failure),
}

/// What came of a leg, item by item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// The target's label.
    pub target: String,
    /// What came of each item, up to the first that failed.
    pub items: Vec<(Subject, ItemOutcome)>,
}

impl TargetReport {
    /// Returns the failure that ended it, if one did.
    pub fn failure(&self) -> Option<&Failure> {
        self.items.iter().find_map(|(_, done)| match done {
            ItemOutcome::Failed(failure) => Some(failure),
            ItemOutcome::Unchanged
            | ItemOutcome::Changed
            | ItemOutcome::Passed { .. }
            | ItemOutcome::Deferred { .. } => None,
        })
    }
}

/// How a leg is run.
#[expect(missing_debug_implementations, reason = "a journal and a callback have no useful text")]
pub struct Run<'a> {
    /// What was looked at when the run began: what was so then is not asked again.
    pub looked: &'a TargetPreview,
    /// What was approved: a stored plan, or what was looked at.
    pub approved: &'a TargetPreview,
    /// Whether a step that had nothing to do in the approved plan, or could only wait, may do what
    /// it then needs.
    pub approve_waiting: bool,
    /// Where intents go.
    pub journal: &'a mut dyn Journal,
    /// The operator's wish to stop.
    pub stop: &'a CancelToken,
    /// Who is told.
    pub progress: &'a dyn Observer,
}

/// Who is told what happens while a leg runs.
pub trait Observer {
    /// Takes one event. It must not block.
    fn progress(&self, progress: Progress<'_>);
}

impl TargetPlan {
    /// Looks at every item at the same time. Writes nothing.
    pub async fn preview(&self) -> TargetPreview {
        let sections = self.sections.iter().map(|section| async move {
            let items = join_all(section.items.iter().map(Item::preview)).await;
            SectionPreview {
                number: section.number.to_owned(),
                title: section.title.to_owned(),
                items,
            }
        });
        TargetPreview { target: self.target.clone(), sections: join_all(sections).await }
    }

    /// Refuses, before anything is written, what `looked` would do and `approved` does not show.
    ///
    /// # Errors
    ///
    /// Says what differs, with [`FailureClass::Stale`].
    pub fn covered(&self, looked: &TargetPreview, approved: &TargetPreview) -> Result<(), Failure> {
        for item in self.sections.iter().flat_map(|section| &section.items) {
            let Item::Step(step) = item else { continue };
            let subject = step.subject();
            let Some(fresh) = looked.approval(&subject).filter(|fresh| !fresh.is_satisfied())
            else {
                continue;
            };
            let then = approved.approval(&subject).ok_or_else(|| unplanned(&subject))?;
            step.covered(fresh, then)?;
        }
        Ok(())
    }

    /// Runs the items in order, and stops at the first that fails.
    pub async fn run(&self, mut run: Run<'_>) -> TargetReport {
        let mut report = TargetReport { target: self.target.clone(), items: Vec::new() };
        let mut touched = Touched::Nothing;
        for item in self.sections.iter().flat_map(|section| &section.items) {
            let subject = item.subject();
            let start = Instant::now();
            let mut done = if run.stop.asked() {
                ItemOutcome::Failed(interrupted(&subject))
            } else {
                self.item(item, &subject, touched, &mut run).await
            };
            match &mut done {
                ItemOutcome::Changed => touched = Touched::Maybe,
                // What earlier steps did was done: a leg that fails late has touched something.
                ItemOutcome::Failed(failure) => {
                    if failure.touched < touched {
                        failure.touched = touched;
                        if failure.class != FailureClass::Interrupted {
                            let state = "this step sent nothing; the steps before it are done";
                            failure.causes.push(state.into());
                        }
                    }
                }
                ItemOutcome::Unchanged
                | ItemOutcome::Passed { .. }
                | ItemOutcome::Deferred { .. } => {}
            }
            let ended = Progress::Ended {
                target: &self.target,
                subject: &subject,
                done: &done,
                took: start.elapsed(),
            };
            run.progress.progress(ended);
            let failed = matches!(done, ItemOutcome::Failed(_));
            report.items.push((subject, done));
            if failed {
                break;
            }
        }
        report
    }

    async fn item(
        &self,
        item: &Item,
        subject: &Subject,
        touched: Touched,
        run: &mut Run<'_>,
    ) -> ItemOutcome {
        let step = match item {
            Item::Gate(gate) => {
                let asked = match select(pin!(gate.check()), pin!(run.stop.wait())).await {
                    Either::Left((asked, _)) => asked,
                    Either::Right(_) => return ItemOutcome::Failed(interrupted(subject)),
                };
                return match asked {
                    Ok(Verdict::Pass { evidence }) => ItemOutcome::Passed { evidence },
                    Ok(Verdict::Deferred { until }) => ItemOutcome::Deferred { until },
                    Ok(Verdict::Fail { why, next }) => {
                        ItemOutcome::Failed(no(subject, &why, next.as_ref()))
                    }
                    Err(failure) => ItemOutcome::Failed(failure),
                };
            }
            Item::Step(step) => step,
        };
        // What was so is so, until a step before has changed something.
        let so = run.looked.approval(subject).is_some_and(Preview::is_satisfied);
        if so && touched == Touched::Nothing {
            return ItemOutcome::Unchanged;
        }
        let approved = run.approved.approval(subject);
        run.progress.progress(Progress::Started { target: &self.target, subject, approved });
        let approval = match approved {
            // Nothing to do then, something now: what the steps before did made it so.
            Some(preview) if preview.diffs.is_empty() && run.approve_waiting => Approval::Fact,
            Some(preview) => Approval::Exactly(preview),
            None => return ItemOutcome::Failed(unplanned(subject)),
        };
        run.stop.begin();
        match step.run(approval, run.journal).await.result {
            Ok(true) => ItemOutcome::Changed,
            Ok(false) => ItemOutcome::Unchanged,
            Err(failure) => ItemOutcome::Failed(failure),
        }
    }
}

fn interrupted(before: &Subject) -> Failure {
    Failure::new(FailureClass::Interrupted, format!("stopped before {before}, as asked"))
        .next("run the same command again: what is done is not done twice")
}

fn unplanned(subject: &Subject) -> Failure {
    Failure::new(FailureClass::Stale, format!("the plan says nothing of {subject}"))
        .next("plan again, look, and apply the new plan")
}

#[cfg(test)]
#[path = "runbook_tests.rs"]
mod tests;
