//! Steps and gates in the order of a runbook.

use std::{fmt, pin::pin};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{Either, join_all, select},
    stream,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    Approval, Check, Context, Event, Evidence, Failure, FailureClass, Finding, Gate, Note, Preview,
    Step, StepDone, StepId, Subject, Touched, Verdict, Wait, WaitError, WaitState, WhenLate,
    wait_for,
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

    async fn preview(&self, target: &str, now: Timestamp, moment: Moment) -> ItemPreview {
        let state = match self {
            Self::Gate(gate) if moment == Moment::After && gate.is_only_before() => {
                Ok(ItemState::Verdict(Verdict::shown([])))
            }
            Self::Gate(gate) => gate.check().await.map(ItemState::Verdict),
            Self::Step(step) => step.preview(now).await.map(ItemState::Preview),
            Self::Wait(wait) => wait.look().await.map(|state| ItemState::Verdict(state.into())),
        };
        let found = state.unwrap_or_else(ItemState::Failed);
        let StepId { target: _, kind, key } = self.id(target);
        ItemPreview { subject: self.subject(), kind, key, found }
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
                Some(no(&item.subject, finding))
            }
            ItemState::Failed(failure) => Some(failure.clone()),
            ItemState::Verdict(_) | ItemState::Preview(_) => None,
        })
    }

    /// Returns whether some step has something to do.
    pub fn pending(&self) -> bool {
        self.items().any(|item| match &item.found {
            ItemState::Preview(preview) => !preview.is_satisfied(),
            ItemState::Verdict(_) | ItemState::Failed(_) => false,
        })
    }

    fn approval(&self, id: &StepId) -> Option<&Preview> {
        self.items().find_map(|item| match &item.found {
            ItemState::Preview(preview) if preview.kind == id.kind && preview.key == id.key => {
                Some(preview)
            }
            ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
        })
    }
}

fn no(subject: &Subject, finding: &Finding) -> Failure {
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
    preview_at(targets, now, Moment::Before).await
}

pub(crate) async fn preview_at(
    targets: &[TargetPlan],
    now: Timestamp,
    moment: Moment,
) -> Vec<TargetPreview> {
    // Boxed and collected, so that the future is `Send`: rustc can't infer it for the closure.
    let looks: Vec<_> =
        targets.iter().map(|target| target.preview_at(now, moment).boxed()).collect();
    stream::iter(looks).buffered(LOOKS).collect().await
}

/// The outcome of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ItemOutcome {
    /// Nothing had to be changed.
    Unchanged,
    /// It was changed, and the desired state was observed.
    Changed,
    /// The gate holds.
    Passed {
        /// What shows it.
        evidence: Vec<Evidence>,
    },
    /// The gate can't be checked yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
    /// The gate found something that does not stop a run.
    Warned(Box<Finding>),
    /// The step or the gate failed.
    Failed(Failure),
}

/// The outcome of a target, item by item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetReport {
    /// The target's label.
    pub target: String,
    /// The outcome of each item, up to the first failure.
    pub items: Vec<ItemReport>,
}

/// The outcome of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemReport {
    /// What it is about.
    pub subject: Subject,
    /// Its kind, as in the plan.
    pub kind: String,
    /// Its key, as in the plan.
    pub key: String,
    /// The outcome.
    pub outcome: ItemOutcome,
    /// What a person should know of the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

impl TargetReport {
    /// Returns the failure that ended it, if any.
    pub fn failure(&self) -> Option<&Failure> {
        self.items.iter().find_map(|item| match &item.outcome {
            ItemOutcome::Failed(failure) => Some(failure),
            ItemOutcome::Unchanged
            | ItemOutcome::Changed
            | ItemOutcome::Passed { .. }
            | ItemOutcome::Warned(_)
            | ItemOutcome::Deferred { .. } => None,
        })
    }
}

/// The parameters of one target's run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The state when the run began. Items that needed no change then are not read again.
    pub looked: &'a TargetPreview,
    /// What was approved: a stored plan, or the state when the run began.
    pub approved: &'a TargetPreview,
    /// Whether a step that was unchanged or waiting in the approved plan may make the changes that
    /// it turns out to need.
    pub approve_waiting: bool,
    /// Events, journal and cancellation.
    pub ctx: &'a Context,
}

impl TargetPlan {
    /// Reads the state of every item at the same time. Writes nothing.
    pub async fn preview(&self, now: Timestamp) -> TargetPreview {
        self.preview_at(now, Moment::Before).await
    }

    async fn preview_at(&self, now: Timestamp, moment: Moment) -> TargetPreview {
        let sections = self.sections.iter().map(|section| async move {
            let items = section.items.iter().map(|item| item.preview(&self.target, now, moment));
            SectionPreview {
                number: section.number.clone(),
                title: section.title.clone(),
                items: join_all(items).await,
            }
        });
        TargetPreview { target: self.target.clone(), sections: join_all(sections).await }
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
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

    /// Runs the items in order, and stops at the first failure.
    pub async fn run(&self, run: Run<'_>) -> TargetReport {
        let mut report = TargetReport { target: self.target.clone(), items: Vec::new() };
        let mut touched = Touched::Nothing;
        for item in self.items() {
            let (subject, id, start) = (item.subject(), item.id(&self.target), Instant::now());
            let mut notes = Vec::new();
            let mut outcome = if run.ctx.cancel().is_cancelled() {
                ItemOutcome::Failed(interrupted(&subject))
            } else {
                item.run(&id, touched, run, &mut notes).await
            };
            match &mut outcome {
                ItemOutcome::Changed => touched = Touched::Maybe,
                ItemOutcome::Failed(failure) => admit(failure, touched),
                ItemOutcome::Unchanged
                | ItemOutcome::Passed { .. }
                | ItemOutcome::Warned(_)
                | ItemOutcome::Deferred { .. } => {}
            }
            run.ctx.tell(&Event::StepFinished {
                step: id.clone(),
                subject: subject.clone(),
                outcome: outcome.clone(),
                took: start.elapsed(),
            });
            let failed = matches!(outcome, ItemOutcome::Failed(_));
            let StepId { target: _, kind, key } = id;
            report.items.push(ItemReport { subject, kind, key, outcome, notes });
            if failed {
                break;
            }
        }
        report
    }
}

/// Steps before the failed one may have changed something.
fn admit(failure: &mut Failure, touched: Touched) {
    if failure.touched < touched {
        failure.touched = touched;
        if failure.class != FailureClass::Interrupted {
            failure.causes.push("this step sent nothing; the steps before it are done".into());
        }
    }
}

impl Item {
    async fn run(
        &self,
        id: &StepId,
        touched: Touched,
        run: Run<'_>,
        notes: &mut Vec<Note>,
    ) -> ItemOutcome {
        let outcome = match self {
            Self::Gate(gate) => ask(&**gate, run.ctx).await,
            Self::Wait(wait) => poll(&**wait, id, run.ctx).await,
            Self::Step(step) => change(&**step, id, touched, run).await.map(|done| {
                *notes = done.notes;
                if done.changed { ItemOutcome::Changed } else { ItemOutcome::Unchanged }
            }),
        };
        outcome.unwrap_or_else(ItemOutcome::Failed)
    }
}

async fn ask(gate: &dyn Gate, ctx: &Context) -> Result<ItemOutcome, Failure> {
    // It only reads, so it can be dropped at any time.
    let asked = match select(pin!(gate.check()), pin!(ctx.cancel().cancelled())).await {
        Either::Left((asked, _)) => asked?,
        Either::Right(_) => return Err(interrupted(&gate.subject())),
    };
    match asked {
        Verdict::Pass { evidence } => Ok(ItemOutcome::Passed { evidence }),
        Verdict::Deferred { until } => Ok(ItemOutcome::Deferred { until }),
        Verdict::Fail(finding) if finding.is_broken() => Err(no(&gate.subject(), &finding)),
        Verdict::Fail(finding) => Ok(ItemOutcome::Warned(finding)),
    }
}

async fn poll(wait: &dyn Wait, id: &StepId, ctx: &Context) -> Result<ItemOutcome, Failure> {
    let subject = wait.subject();
    ctx.tell(&started(id, &subject, None));
    let condition = |state: &WaitState| match state {
        WaitState::Reached { .. } | WaitState::Deferred { .. } => Check::Met,
        WaitState::Pending { until } => Check::Pending(until.clone()),
    };
    let tell = |wanted: &str, since| {
        ctx.tell(&Event::StepWaiting { step: id.clone(), wanted: wanted.to_owned(), since });
    };
    match wait_for(ctx, wait.policy(), || wait.look(), &condition, tell).await {
        Ok(state) => match Verdict::from(state) {
            Verdict::Pass { evidence } => Ok(ItemOutcome::Passed { evidence }),
            Verdict::Deferred { until } => Ok(ItemOutcome::Deferred { until }),
            Verdict::Fail(finding) => Err(no(&subject, &finding)),
        },
        Err(WaitError::Read(failure)) => Err(failure),
        Err(WaitError::Cancelled) => Err(interrupted(&subject)),
        Err(WaitError::Failed { why, .. }) => Err(Failure::new(FailureClass::Error, why)),
        Err(WaitError::TimedOut(late)) if wait.when_late() == WhenLate::GoOn => {
            Ok(ItemOutcome::Passed { evidence: vec![Evidence::sentence(late.to_string())] })
        }
        Err(WaitError::TimedOut(late)) => {
            let what = format!("{subject}: {late}");
            Err(Failure { found: Some(late.why), ..Failure::new(FailureClass::Deadline, what) })
        }
    }
}

async fn change(
    step: &dyn Step,
    id: &StepId,
    touched: Touched,
    run: Run<'_>,
) -> Result<StepDone, Failure> {
    // What needed no change still needs none, unless an earlier step changed something.
    let satisfied = run.looked.approval(id).is_some_and(Preview::is_satisfied);
    if satisfied && touched == Touched::Nothing {
        return Ok(StepDone::default());
    }
    let subject = step.subject();
    let approved = run.approved.approval(id);
    run.ctx.tell(&started(id, &subject, approved));
    let approval = match approved {
        // It needed no change then and does now, because of the steps before it.
        Some(preview) if preview.diffs.is_empty() && run.approve_waiting => Approval::Fact,
        Some(preview) => Approval::Exactly(preview),
        None => return Err(unplanned(&subject)),
    };
    step.run(run.ctx, approval).await
}

fn started(id: &StepId, subject: &Subject, approved: Option<&Preview>) -> Event {
    let changes = approved.map(|preview| preview.diffs.clone()).unwrap_or_default();
    Event::StepStarted { step: id.clone(), subject: subject.clone(), changes }
}

fn interrupted(before: &Subject) -> Failure {
    Failure::new(FailureClass::Interrupted, format!("stopped before {before}"))
        .next("run the same command again: completed steps are not repeated")
}

fn unplanned(subject: &Subject) -> Failure {
    Failure::new(FailureClass::Stale, format!("the plan does not cover {subject}"))
        .next("make a new plan, review it, and apply it")
}

#[cfg(test)]
#[path = "runbook_tests.rs"]
mod tests;
