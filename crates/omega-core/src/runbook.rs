//! Steps and gates in the order of a runbook.

use std::{fmt, sync::Arc};

use futures::{FutureExt as _, future::join_all};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Clock, Context, Evidence, Failure, FailureClass, Finding, Gate, Preview, Retry, Step, StepId,
    Subject, Verdict, Wait, WaitState, join_at_most, run::TargetLock,
};

/// How many targets are read at the same time: each needs a connection or a process.
const LOOKS: usize = 16;

/// The part of a runbook for one target.
#[derive(Debug, Default)]
pub struct TargetPlan {
    /// The target's label.
    pub target: String,
    /// Whether it is one of several similar targets.
    pub kind: TargetKind,
    /// The sections, in the order of the document.
    pub sections: Vec<Section>,
}

/// Whether a target is one of several with the same desired state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// A single target (a project, a management cluster). It runs alone, at its place in the order.
    #[default]
    Shared,
    /// One of several (a unit). The first runs alone; the others may run at the same time.
    Unit,
}

impl TargetPlan {
    /// Returns the plan of a single target.
    pub fn shared(target: impl Into<String>, sections: Vec<Section>) -> Self {
        Self { target: target.into(), kind: TargetKind::Shared, sections }
    }

    /// Returns the plan of one of several units.
    pub fn unit(target: impl Into<String>, sections: Vec<Section>) -> Self {
        Self { target: target.into(), kind: TargetKind::Unit, sections }
    }
}

/// A numbered section of the document.
#[derive(Debug, Default)]
pub struct Section {
    /// The number, as in the document (`7.4`).
    pub number: String,
    /// The title.
    pub title: String,
    /// The items, in order.
    pub items: Vec<Item>,
}

impl Section {
    /// Returns the section `number title`.
    pub fn new(number: &str, title: &str, items: Vec<Item>) -> Self {
        Self { number: number.to_owned(), title: title.to_owned(), items }
    }
}

/// A gate, a step or a wait.
pub enum Item {
    /// A check.
    Gate(Box<dyn Gate>),
    /// A change.
    Step(Box<dyn Step>),
    /// A wait for other programs.
    Wait(Box<dyn Wait>),
}

impl Item {
    /// Returns the gate as an item.
    pub fn gate(gate: impl Gate + 'static) -> Self {
        Self::Gate(Box::new(gate))
    }

    /// Returns the wait as an item.
    pub fn wait(wait: impl Wait + 'static) -> Self {
        Self::Wait(Box::new(wait))
    }

    /// Returns what it is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Gate(gate) => gate.subject(),
            Self::Step(step) => step.subject(),
            Self::Wait(wait) => wait.subject(),
        }
    }

    /// Returns its identity on `target`.
    pub fn id(&self, target: &str) -> StepId {
        let id = |kind: &str, key: &str| StepId {
            target: target.to_owned(),
            kind: kind.to_owned(),
            key: key.to_owned(),
        };
        match self {
            Self::Gate(gate) => id("gate", gate.rule()),
            Self::Step(step) => step.id(),
            Self::Wait(wait) => id("wait", wait.rule()),
        }
    }

    async fn preview(&self, ctx: &Context, target: &str, moment: Moment) -> ItemPreview {
        let state = ctx.in_time(self.look(ctx.now(), moment)).await;
        let unread = || {
            let what = format!("timed out before this was read: {}", self.subject());
            Err(Failure::new(FailureClass::Interrupted, what))
        };
        let found = state.unwrap_or_else(unread).unwrap_or_else(ItemState::Failed);
        tracing::info!(target, item = %self.subject(), found = found.word(), "read");
        let StepId { target: _, kind, key } = self.id(target);
        ItemPreview { subject: self.subject(), kind, key, found }
    }

    async fn look(&self, now: Timestamp, moment: Moment) -> Result<ItemState, Failure> {
        match self {
            Self::Gate(gate) if moment == Moment::After && gate.is_only_before() => {
                Ok(ItemState::Verdict(Verdict::shown([])))
            }
            Self::Gate(gate) => gate.check().await.map(ItemState::Verdict),
            Self::Step(step) => step.preview(now).await.map(ItemState::Preview),
            Self::Wait(wait) => wait.look().await.map(|state| ItemState::Verdict(state.into())),
        }
    }
}

/// In a plan, a wait that is not over is shown like a check that can't be made yet.
impl From<WaitState> for Verdict {
    fn from(state: WaitState) -> Self {
        match state {
            WaitState::Reached { evidence } => Self::Pass { evidence },
            WaitState::Pending { until } | WaitState::Deferred { until } => {
                Self::Deferred { until }
            }
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject())
    }
}

/// The plan for a target, as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetPreview {
    /// The target's label.
    pub target: String,
    /// The sections, in order.
    pub sections: Vec<SectionPreview>,
}

/// The plan for a section, as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SectionPreview {
    /// The number.
    pub number: String,
    /// The title.
    pub title: String,
    /// The items, in order.
    pub items: Vec<ItemPreview>,
}

/// The plan for an item, or the result of its check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemPreview {
    /// What it is about.
    pub subject: Subject,
    /// The step's [`Desired::KIND`](crate::Desired::KIND), or `gate`, or `wait`.
    pub kind: String,
    /// The step's [`Desired::key`](crate::Desired::key), or the rule. (Plans of version 1 lack it.)
    #[serde(default)]
    pub key: String,
    /// What was found.
    pub found: ItemState,
}

/// The observed state of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ItemState {
    /// A gate's result.
    Verdict(Verdict),
    /// What a step would do.
    Preview(Preview),
    /// It could not be read, or it refuses.
    Failed(Failure),
}

impl ItemState {
    /// Returns the state in a word, for the log.
    fn word(&self) -> &'static str {
        match self {
            Self::Verdict(Verdict::Pass { .. }) => "check passed",
            Self::Verdict(Verdict::Fail(_)) => "check failed",
            Self::Verdict(Verdict::Deferred { .. }) => "can't be checked yet",
            Self::Preview(preview) if preview.is_satisfied() => "unchanged",
            Self::Preview(preview) if preview.wait.is_some() => "waits",
            Self::Preview(_) => "to change",
            Self::Failed(_) => "failed",
        }
    }
}

impl TargetPreview {
    /// Returns every item, in order.
    pub fn items(&self) -> impl Iterator<Item = &ItemPreview> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// Returns what blocks the first write: a gate that failed, a refusal, a target that can't be
    /// read.
    pub fn blocker(&self) -> Option<Failure> {
        self.items().find_map(|item| match &item.found {
            ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken() => {
                Some(not_held(&item.subject, finding))
            }
            ItemState::Failed(failure) => Some(failure.clone()),
            ItemState::Verdict(_) | ItemState::Preview(_) => None,
        })
    }

    /// Returns why something could not be read, if the same question may be answered later.
    pub(crate) fn unanswered(&self) -> Option<Failure> {
        self.items().find_map(|item| match &item.found {
            ItemState::Failed(failure) if failure.retry == Retry::Transient => {
                Some(failure.clone())
            }
            ItemState::Failed(_) | ItemState::Verdict(_) | ItemState::Preview(_) => None,
        })
    }

    /// Returns whether some step has something to do.
    pub fn pending(&self) -> bool {
        self.changes().next().is_some()
    }

    /// Returns the steps that have something to do.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Preview> {
        self.items().filter_map(|item| match &item.found {
            ItemState::Preview(preview) if !preview.is_satisfied() => Some(preview),
            ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
        })
    }

    /// Changes that other steps must precede are refused if no step before them has something to do.
    fn refuse_blocked(&mut self) {
        let mut pending = false;
        for item in self.sections.iter_mut().flat_map(|section| &mut section.items) {
            let ItemState::Preview(preview) = &item.found else { continue };
            match &preview.blocked {
                Some(failure) if !pending => item.found = ItemState::Failed((**failure).clone()),
                Some(_) | None => pending |= !preview.is_satisfied(),
            }
        }
    }

    pub(crate) fn approval(&self, id: &StepId) -> Option<&Preview> {
        self.items().find_map(|item| match &item.found {
            ItemState::Preview(preview) if preview.kind == id.kind && preview.key == id.key => {
                Some(preview)
            }
            ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
        })
    }
}

/// The failure of a gate that does not hold.
pub(crate) fn not_held(subject: &Subject, finding: &Finding) -> Failure {
    let Finding { summary, evidence, remedy, .. } = finding;
    let failure =
        Failure::new(FailureClass::Gate, format!("check failed: {subject}")).because(summary);
    let found = (!evidence.is_empty()).then(|| Evidence::line(evidence));
    let detail = serde_json::to_value(finding).ok();
    Failure { next: remedy.clone(), found, detail, ..failure }
}

/// When the state is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the changes.
    Before,
    /// After the changes were made: what is about the state before them is not read.
    After,
}

/// Reads the state of every item, at most 16 targets at the same time. Reads of one target can share
/// a round trip. Writes nothing.
pub async fn preview(targets: &[TargetPlan], now: Timestamp) -> Vec<TargetPreview> {
    preview_at(&at(now), targets, Moment::Before).await
}

/// A context of a look by itself.
fn at(now: Timestamp) -> Context {
    Context::default().with_clock(Clock::Fixed(now))
}

pub(crate) async fn preview_at(
    ctx: &Context,
    targets: &[TargetPlan],
    moment: Moment,
) -> Vec<TargetPreview> {
    // Boxed and collected, so that the future is `Send`: rustc can't infer it for the closure.
    let looks: Vec<_> =
        targets.iter().map(|target| target.preview_at(ctx, moment).boxed()).collect();
    join_at_most(looks, LOOKS).await
}

impl TargetPlan {
    /// Reads the state of every item at the same time. Writes nothing.
    pub async fn preview(&self, now: Timestamp) -> TargetPreview {
        self.preview_at(&at(now), Moment::Before).await
    }

    /// The same in a run: what was not read before the deadline is reported as such.
    pub(crate) async fn preview_at(&self, ctx: &Context, moment: Moment) -> TargetPreview {
        let sections = self.sections.iter().map(|section| async move {
            let items = section.items.iter().map(|item| item.preview(ctx, &self.target, moment));
            SectionPreview {
                number: section.number.clone(),
                title: section.title.clone(),
                items: join_all(items).await,
            }
        });
        let mut preview =
            TargetPreview { target: self.target.clone(), sections: join_all(sections).await };
        preview.refuse_blocked();
        preview
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// Returns the locks of what its steps change.
    pub fn locks(&self) -> impl Iterator<Item = Arc<dyn TargetLock>> {
        self.items().filter_map(|item| match item {
            Item::Step(step) => step.lock(),
            Item::Gate(_) | Item::Wait(_) => None,
        })
    }

    /// Fails before the first write if `looked` has changes that `approved` does not show.
    ///
    /// # Errors
    ///
    /// Tells what differs, with [`FailureClass::Stale`].
    pub fn covered(&self, looked: &TargetPreview, approved: &TargetPreview) -> Result<(), Failure> {
        for item in self.items() {
            let Item::Step(step) = item else { continue };
            let id = step.id();
            let Some(fresh) = looked.approval(&id).filter(|fresh| !fresh.is_satisfied()) else {
                continue;
            };
            let then = approved.approval(&id).ok_or_else(|| unplanned(&step.subject()))?;
            step.covered(fresh, then)?;
        }
        Ok(())
    }
}

pub(crate) fn unplanned(subject: &Subject) -> Failure {
    Failure::new(FailureClass::Stale, format!("the plan does not cover {subject}"))
        .next("make a new plan, review it, and apply it")
}

#[cfg(test)]
#[path = "runbook_tests.rs"]
mod tests;
