//! Runs the items of one target in their order.

use std::pin::pin;

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    Approval, Check, Context, Event, Evidence, Failure, FailureClass, Finding, Gate, Note, Preview,
    Step, StepDone, StepId, Subject, Touched, Verdict, Wait, WaitError, WaitState, WhenLate,
    runbook::{Item, TargetPlan, TargetPreview, not_held, unplanned},
    wait_for,
};

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
        Verdict::Fail(finding) if finding.is_broken() => Err(not_held(&gate.subject(), &finding)),
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
            Verdict::Fail(finding) => Err(not_held(&subject, &finding)),
        },
        Err(WaitError::Read(failure)) => Err(failure),
        Err(WaitError::Cancelled) => Err(interrupted(&subject)),
        Err(WaitError::Failed { why, .. }) => Err(Failure::new(FailureClass::Error, why)),
        Err(WaitError::TimedOut(late)) if wait.when_late() == WhenLate::GoOn => {
            Ok(ItemOutcome::Passed { evidence: vec![Evidence::sentence(late.to_string())] })
        }
        Err(WaitError::TimedOut(late)) => {
            let what = format!("{subject}: {late}");
            let failure = Failure::new(FailureClass::Deadline, what);
            let next = "run the same command again: completed steps are not repeated";
            Err(Failure { found: Some(late.why), ..failure }.next(next))
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
