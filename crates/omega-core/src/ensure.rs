//! The only code that runs observe, diff, apply and verify in order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Check, Context, Delta, Describe as _, Desired, Diagnostic as _, EnsureError, Event, Failure,
    JournalError, Label as _, StepId, Touched, WaitError, chain,
    context::Purpose,
    journal::{Entry, Undo},
    wait::wait_after,
};

/// How often a change is begun that starts over.
const MOST_ATTEMPTS: u32 = 3;

/// A comparison that someone can look at, store, and apply later.
///
/// It is bound to what was observed: [`Plan::apply`] makes only the changes that the plan showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
#[must_use = "a plan changes nothing until it is applied"]
pub struct Plan<D: Desired> {
    pub(crate) desired: D,
    pub(crate) before: D::Observed,
    pub(crate) delta: Delta<D::Change>,
}

/// What [`ensure`] found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<S> {
    /// Nothing had to be changed.
    Unchanged(S),
    /// It was changed, and the desired state was observed afterwards.
    Changed {
        /// The observation before.
        before: S,
        /// The observation that verified the change.
        after: S,
    },
}

impl<S> Outcome<S> {
    /// Returns whether anything was written.
    pub fn changed(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// Returns the final observation.
    pub fn into_observed(self) -> S {
        match self {
            Self::Unchanged(seen) | Self::Changed { before: _, after: seen } => seen,
        }
    }
}

/// Compares `desired` with the current state. It writes nothing.
///
/// # Errors
///
/// Fails if the state can't be read or the operation refuses.
pub async fn plan<D: Desired>(
    target: &D::Target,
    desired: &D,
) -> Result<Plan<D>, EnsureError<D::Error>> {
    let (before, delta) = look(target, desired, Touched::Nothing).await?;
    Ok(Plan { desired: desired.clone(), before, delta })
}

/// Makes `desired` true, and returns only once this was observed.
///
/// # Errors
///
/// [`EnsureError::touched`] tells whether anything may have changed before the failure.
pub async fn ensure<D: Desired>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
    plan_in_time(ctx, target, desired).await?.ready(ctx, target).await?.execute(ctx, target).await
}

/// As [`plan`], as long as the run has time.
pub(crate) async fn plan_in_time<D: Desired>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
) -> Result<Plan<D>, EnsureError<D::Error>> {
    let planned = ctx.in_time(plan(target, desired)).await;
    planned.unwrap_or_else(|| {
        let subject = name(target, desired);
        Err(EnsureError::Cancelled { subject, touched: Touched::Nothing })
    })
}

impl<D: Desired> Plan<D> {
    /// Returns the difference between the observed and the desired state.
    pub fn delta(&self) -> &Delta<D::Change> {
        &self.delta
    }

    /// Returns what was observed when the plan was made.
    pub fn before(&self) -> &D::Observed {
        &self.before
    }

    /// Returns the desired fact.
    pub fn desired(&self) -> &D {
        &self.desired
    }

    /// Returns the fact that removes a partial result after a failure, if a partial result is useless.
    pub fn cleanup(&self) -> Option<D::Undo> {
        match self.delta {
            Delta::Satisfied | Delta::Wait(_) => None,
            Delta::Changes(_) | Delta::Blocked { .. } => self.desired.cleanup(&self.before),
        }
    }

    /// Returns the desired fact that would undo this plan.
    pub fn undo(&self) -> Option<D::Undo> {
        match self.delta {
            Delta::Satisfied => None,
            Delta::Wait(_) | Delta::Changes(_) | Delta::Blocked { .. } => {
                self.desired.undo(&self.before)
            }
        }
    }

    /// Applies what was planned and nothing else, or fails.
    ///
    /// # Errors
    ///
    /// Fails with [`EnsureError::Stale`], without changing anything, if the comparison now gives
    /// changes that this plan does not show. A plan that only waits approves nothing: the changes
    /// that are needed afterwards need a new plan.
    pub async fn apply(
        self,
        ctx: &Context,
        target: &D::Target,
    ) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
        let now = plan_in_time(ctx, target, &self.desired).await?.ready(ctx, target).await?;
        if now.delta.within(&self.delta) {
            return now.execute(ctx, target).await;
        }
        let why = match &self.delta {
            Delta::Wait(_) => "it was waiting when the plan was made; its changes need approval",
            Delta::Satisfied | Delta::Changes(_) | Delta::Blocked { .. } => {
                "its changes are different now"
            }
        };
        Err(EnsureError::Stale { subject: name(target, &self.desired), why: why.to_owned() })
    }

    /// Waits until there are changes to make or the state is reached. Refuses changes that have to
    /// wait for other steps.
    pub(crate) async fn ready(
        self,
        ctx: &Context,
        target: &D::Target,
    ) -> Result<Self, EnsureError<D::Error>> {
        let Self { desired, mut before, mut delta } = self;
        if matches!(delta, Delta::Wait(_)) {
            let ready = |delta: &Delta<_>| !matches!(delta, Delta::Wait(_));
            (before, delta) = until(ctx, target, &desired, Touched::Nothing, ready).await?;
        }
        if let Delta::Blocked { by, changes: _ } = delta {
            let subject = name(target, &desired);
            return Err(EnsureError::Conflict { subject, touched: Touched::Nothing, source: by });
        }
        Ok(Self { desired, before, delta })
    }

    /// Applies and verifies. What a failure leaves is removed, where a part is of no use; then it may
    /// start over.
    pub(crate) async fn execute(
        self,
        ctx: &Context,
        target: &D::Target,
    ) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
        let (desired, approved) = (self.desired.clone(), self.delta.clone());
        let mut plan = self;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let cleanup = plan.cleanup();
            // Boxed: these are large, and in every caller's future.
            let attempt = Box::pin(plan.attempt(ctx, target));
            let failed = match (attempt.await, cleanup) {
                (Err(error), Some(cleanup)) => {
                    Box::pin(clean(ctx, target, &desired, &cleanup, error)).await
                }
                (done, _) => return done,
            };
            let again = attempts < MOST_ATTEMPTS && failed.is_cleaned(|e| desired.starts_over(e));
            if !again {
                return Err(failed);
            }
            ctx.tell(&Event::Note {
                text: format!("starting over: {}", chain(&failed).join(": ")),
            });
            let again =
                async { plan_in_time(ctx, target, &desired).await?.ready(ctx, target).await };
            plan = Box::pin(again).await?;
            if !plan.delta.within(&approved) {
                return Err(failed);
            }
        }
    }

    async fn attempt(
        self,
        ctx: &Context,
        target: &D::Target,
    ) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
        let (undo, cleanup) = match ctx.purpose() {
            Purpose::Lasting | Purpose::Temporary => (self.undo(), self.cleanup()),
            Purpose::Removal => (None, None),
        };
        let Self { desired, before, delta } = self;
        let changes = match delta {
            Delta::Changes(changes) => changes,
            Delta::Satisfied | Delta::Wait(_) | Delta::Blocked { .. } => {
                return Ok(Outcome::Unchanged(before));
            }
        };
        let step = id(target, &desired);
        let ctx = &ctx.for_step(step.clone());
        // Intent before effect: a crash from here on leaves a trace.
        let stored = |undo: &Option<D::Undo>| undo.as_ref().map(Undo::of).transpose();
        let intent = stored(&undo).and_then(|undo| {
            let back = (undo, stored(&cleanup)?);
            let temporary = ctx.purpose() != Purpose::Lasting;
            Entry::intent(step.clone(), &desired, &changes, back, temporary)
        });
        record(ctx, intent, Touched::Nothing)?;
        let done = write_and_verify(ctx, target, &desired, &step, &changes).await;
        let end = Entry::end::<D>(step, done.as_ref());
        // The first error is reported; an error of the journal after it is not.
        let recorded = record(ctx, Ok(end), Touched::Maybe);
        let after = done?;
        recorded?;
        Ok(Outcome::Changed { before, after })
    }
}

async fn write_and_verify<D: Desired>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
    step: &StepId,
    changes: &[D::Change],
) -> Result<D::Observed, EnsureError<D::Error>> {
    let mut left = changes;
    for nth in 0.. {
        let Some((change, rest)) = left.split_first() else { break };
        left = rest;
        let before = if nth == 0 { Touched::Nothing } else { Touched::Maybe };
        if ctx.is_over() {
            let subject = name(target, desired);
            return Err(EnsureError::Cancelled { subject, touched: before });
        }
        record(ctx, Ok(Entry::applying(step.clone(), nth, change)), before)?;
        let (subject, shown) = (name(target, desired), change.describe().to_string());
        match ctx.in_grace(desired.apply(ctx, target, change)).await {
            Some(Ok(())) => {}
            Some(Err(source)) => {
                let touched = before.max(source.touched());
                return Err(EnsureError::Apply { subject, change: shown, touched, source });
            }
            None => return Err(EnsureError::Abandoned { subject, change: shown }),
        }
        record(ctx, Ok(Entry::Applied { step: step.clone(), nth }), Touched::Maybe)?;
        if desired.verifies_each_change() && !left.is_empty() {
            let as_planned = |delta: &Delta<D::Change>| {
                let found = delta.changes();
                let same = |(found, planned): (&D::Change, &D::Change)| found.is_shown_by(planned);
                let made = matches!(delta, Delta::Changes(_)) && found.len() == left.len();
                made && found.iter().zip(left).all(same)
            };
            until(ctx, target, desired, Touched::Maybe, as_planned).await?;
        }
    }
    // Observe, never write again: a second write would hide that the first one had another effect
    // than the diff says.
    let satisfied = |delta: &Delta<_>| matches!(delta, Delta::Satisfied);
    Ok(until(ctx, target, desired, Touched::Maybe, satisfied).await?.0)
}

/// Removes the partial result of a failed attempt, and returns the failure with what remains.
async fn clean<D: Desired>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
    cleanup: &D::Undo,
    mut error: EnsureError<D::Error>,
) -> EnsureError<D::Error> {
    let ctx = &ctx.uncancelled();
    let subject = name(target, desired);
    if error.touched() != Touched::Nothing {
        ctx.tell(&Event::Note { text: format!("removing what was made of {subject}") });
        let removed = async {
            let plan = plan_in_time(ctx, target, cleanup).await?.ready(ctx, target).await?;
            plan.attempt(ctx, target).await
        };
        match removed.await {
            Ok(Outcome::Changed { .. }) => error = error.removed(),
            // Nothing was created, or all of it; the next observation tells.
            Ok(Outcome::Unchanged(_)) => {}
            Err(why) => {
                // With what it waited for, if that did not come.
                let Failure { message, causes, found, .. } = Failure::from(why);
                let why = [message].into_iter().chain(causes).chain(found);
                let why = why.collect::<Vec<_>>().join(": ");
                return EnsureError::LeftBehind { subject, why, source: Box::new(error) };
            }
        }
    }
    // A journal that can't be written any more hides nothing: the next sweep looks once too often.
    drop(ctx.record(&Entry::Removed { step: id(target, desired) }));
    error
}

pub(crate) fn id<D: Desired>(target: &D::Target, desired: &D) -> StepId {
    StepId { target: target.label(), kind: D::KIND.to_owned(), key: desired.key() }
}

pub(crate) fn name<D: Desired>(target: &D::Target, desired: &D) -> String {
    format!("{} on {}", desired.subject(), target.label())
}

type Looked<D> = (<D as Desired>::Observed, Delta<<D as Desired>::Change>);

async fn look<D: Desired>(
    target: &D::Target,
    desired: &D,
    touched: Touched,
) -> Result<Looked<D>, EnsureError<D::Error>> {
    let subject = || name(target, desired);
    let seen = desired.observe(target).await.map_err(|source| EnsureError::Observe {
        subject: subject(),
        touched,
        source,
    })?;
    let delta = desired.diff(&seen).map_err(|source| EnsureError::Conflict {
        subject: subject(),
        touched,
        source,
    })?;
    Ok((seen, delta))
}

async fn until<D: Desired>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
    touched: Touched,
    enough: impl Fn(&Delta<D::Change>) -> bool + Send + Sync,
) -> Result<Looked<D>, EnsureError<D::Error>> {
    let step = id(target, desired);
    let condition = |(_, delta): &Looked<D>| {
        if enough(delta) { Check::Met } else { Check::Pending(missing(delta)) }
    };
    let tell = |wanted: &str, since: Duration| {
        ctx.tell(&Event::StepWaiting { step: step.clone(), wanted: wanted.to_owned(), since });
    };
    let read = || look(target, desired, touched);
    let policy = desired.poll_policy();
    wait_after(ctx, touched, policy, read, &condition, tell).await.map_err(|error| match error {
        WaitError::Read(error) => error,
        WaitError::Cancelled => EnsureError::Cancelled { subject: name(target, desired), touched },
        WaitError::Failed { why, seen: _ } => EnsureError::NotSettled {
            subject: name(target, desired),
            after: Duration::ZERO,
            stalled: false,
            why,
            touched,
        },
        WaitError::TimedOut(late) => EnsureError::NotSettled {
            subject: name(target, desired),
            after: late.after,
            stalled: late.stalled,
            why: late.why,
            touched,
        },
    })
}

/// Describes what is missing. The text changes as long as there is progress.
fn missing<C: crate::Describe>(delta: &Delta<C>) -> String {
    match delta {
        Delta::Wait(why) => why.clone(),
        Delta::Changes(left) | Delta::Blocked { by: _, changes: left } => {
            let left: Vec<_> = left.iter().map(|change| change.describe().to_string()).collect();
            left.join("; ")
        }
        Delta::Satisfied => "nothing is missing".to_owned(),
    }
}

fn record<E: std::error::Error + 'static>(
    ctx: &Context,
    entry: Result<Entry, JournalError>,
    touched: Touched,
) -> Result<(), EnsureError<E>> {
    entry
        .and_then(|entry| ctx.record(&entry))
        .map_err(|source| EnsureError::Journal { touched, source })
}
