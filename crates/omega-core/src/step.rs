//! Desired facts bound to their targets, with their types erased.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Delta, Describe, Desired, Diff, EnsureError, Evidence, Failure, Label as _, Note,
    Outcome, Plan, StepId, Subject, Touched,
    ensure::{id, plan_in_time},
    plan,
    run::TargetLock,
};

/// A [`Desired`] bound to its target. Only [`step`] and [`step_with_proof`] make one.
///
/// [`step_with_proof`]: crate::step_with_proof
#[async_trait]
pub trait Step: Send + Sync + sealed::Sealed {
    /// Returns the step's identity.
    fn id(&self) -> StepId;
    /// Returns what the step is about.
    fn subject(&self) -> Subject;
    /// Compares, and writes nothing. Notes for a person are as of `now`.
    async fn preview(&self, now: Timestamp) -> Result<Preview, Failure>;
    /// Checks that `fresh` has only changes that `approved` showed. It sends no request: both are
    /// previews of this step.
    ///
    /// # Errors
    ///
    /// Tells what differs.
    fn covered(&self, fresh: &Preview, approved: &Preview) -> Result<(), Failure>;
    /// Returns the lock that a run takes before it runs the step, if the target has one.
    fn lock(&self) -> Option<Arc<dyn TargetLock>>;
    /// Makes the fact true, with only the changes that `approval` covers.
    async fn run(&self, ctx: &Context, approval: Approval<'_>) -> Result<StepDone, Failure>;
}

/// The result of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepDone {
    /// Whether anything was changed.
    pub changed: bool,
    /// What a person should know of the result.
    pub notes: Vec<Note>,
}

/// What the operator approved.
#[derive(Clone, Copy, Debug)]
pub enum Approval<'a> {
    /// These changes, or those of them that are still needed.
    Exactly(&'a Preview),
    /// Whatever the step needs: its desired fact was approved before its changes were known.
    Fact,
}

/// The plan of a step. It can be stored, and approved later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preview {
    /// [`Desired::KIND`].
    pub kind: String,
    /// [`Desired::key`]. (Plans of version 1 lack it.)
    #[serde(default)]
    pub key: String,
    /// What the step is about.
    pub subject: Subject,
    /// The changes as shown; empty if there are none now.
    pub diffs: Vec<Diff>,
    /// Why the step would wait, if it does.
    pub wait: Option<String>,
    /// Why the changes are refused unless other steps of the runbook are done first, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Box<Failure>>,
    /// Whether the change can be undone.
    pub reversible: bool,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// What was observed, as facts. (Plans of earlier versions lack it.)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The whole plan: the desired fact, what was observed, and every change.
    pub plan: serde_json::Value,
}

impl Preview {
    /// Returns whether there is nothing to change.
    pub fn is_satisfied(&self) -> bool {
        self.diffs.is_empty() && self.wait.is_none()
    }

    fn of<D: Desired>(plan: &Plan<D>, now: Timestamp) -> Result<Self, Failure> {
        let diffs = plan.delta().changes().iter().map(Describe::describe).collect();
        let wait = match plan.delta() {
            Delta::Wait(why) => Some(why.clone()),
            Delta::Satisfied | Delta::Changes(_) | Delta::Blocked { .. } => None,
        };
        let blocked = match plan.delta() {
            Delta::Blocked { by, .. } => {
                Some(Box::new(Failure::from(EnsureError::<D::Error>::Conflict {
                    subject: plan.desired.subject().to_string(),
                    touched: Touched::Nothing,
                    source: by.clone(),
                })))
            }
            Delta::Satisfied | Delta::Wait(_) | Delta::Changes(_) => None,
        };
        let value = serde_json::to_value(plan).map_err(|error| {
            let what = format!("could not store the plan for {}", plan.desired.subject());
            Failure::new(crate::FailureClass::Error, what).because(error.to_string())
        })?;
        Ok(Self {
            kind: D::KIND.to_owned(),
            key: plan.desired.key(),
            subject: plan.desired.subject(),
            diffs,
            wait,
            blocked,
            reversible: plan.undo().is_some(),
            notes: plan.desired.notes(&plan.before, now),
            evidence: plan.desired.evidence(&plan.before),
            plan: value,
        })
    }
}

/// Binds `desired` to `target`.
pub fn step<D: Desired>(target: &Arc<D::Target>, desired: D) -> Box<dyn Step>
where
    D::Target: 'static,
{
    Box::new(Bound { target: Arc::clone(target), desired })
}

pub(crate) struct Bound<D: Desired> {
    pub(crate) target: Arc<D::Target>,
    pub(crate) desired: D,
}

pub(crate) mod sealed {
    pub trait Sealed {}
    impl<D: crate::Desired> Sealed for super::Bound<D> {}
}

impl<D: Desired> Bound<D> {
    /// Returns the plan that may be applied under `approval`.
    pub(crate) async fn approved(
        &self,
        ctx: &Context,
        approval: Approval<'_>,
    ) -> Result<Plan<D>, Failure> {
        let target = &*self.target;
        let fresh = plan_in_time(ctx, target, &self.desired).await?.ready(ctx, target).await?;
        if let Approval::Exactly(preview) = approval {
            let now = Preview::of(&fresh, ctx.now())?;
            within::<D>(&now, preview).map_err(|stale| stale.because(self.target.label()))?;
        }
        Ok(fresh)
    }
}

impl<D: Desired> Bound<D> {
    pub(crate) fn done(&self, outcome: Outcome<D::Observed>) -> StepDone {
        let changed = outcome.changed();
        let after = outcome.into_observed();
        let notes = if changed { self.desired.notes_after(&after) } else { Vec::new() };
        StepDone { changed, notes }
    }
}

/// Checks that `fresh` has only changes that `approved` showed.
fn within<D: Desired>(fresh: &Preview, approved: &Preview) -> Result<(), Failure> {
    let stale = |why: &str| {
        let what = format!("the plan for {} is stale: {why}", fresh.subject);
        let next = "make a new plan, review it, and apply it";
        Failure::new(crate::FailureClass::Stale, what).next(next)
    };
    let read = |preview: &Preview| serde_json::from_value::<Plan<D>>(preview.plan.clone());
    let (Ok(now), Ok(then)) = (read(fresh), read(approved)) else {
        return Err(stale("it can't be read"));
    };
    if fresh.kind != approved.kind || now.desired != then.desired {
        return Err(stale("the site file has changed"));
    }
    match then.delta {
        _ if now.delta.within(&then.delta) => Ok(()),
        Delta::Wait(_) => {
            Err(stale("it was waiting when the plan was made; its changes need approval"))
        }
        Delta::Satisfied | Delta::Changes(_) | Delta::Blocked { .. } => Err(Failure {
            expected: Some(shown(approved)),
            found: Some(shown(fresh)),
            ..stale("its changes are different now")
        }),
    }
}

fn shown(preview: &Preview) -> String {
    let shown: Vec<_> = preview.diffs.iter().map(ToString::to_string).collect();
    if shown.is_empty() { "no change".to_owned() } else { shown.join("; ") }
}

#[async_trait]
impl<D: Desired> Step for Bound<D>
where
    D::Target: 'static,
{
    fn id(&self) -> StepId {
        id(&*self.target, &self.desired)
    }

    fn subject(&self) -> Subject {
        self.desired.subject()
    }

    async fn preview(&self, now: Timestamp) -> Result<Preview, Failure> {
        let span = tracing::debug_span!("preview", kind = D::KIND, target = self.target.label());
        let plan = tracing::Instrument::instrument(plan(&*self.target, &self.desired), span);
        Preview::of(&plan.await?, now)
    }

    fn covered(&self, fresh: &Preview, approved: &Preview) -> Result<(), Failure> {
        within::<D>(fresh, approved)
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        self.target.lock()
    }

    async fn run(&self, ctx: &Context, approval: Approval<'_>) -> Result<StepDone, Failure> {
        let plan = self.approved(ctx, approval).await?;
        Ok(self.done(plan.execute(ctx, &*self.target).await?))
    }
}
