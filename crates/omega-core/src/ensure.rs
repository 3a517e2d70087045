//! The driver: the only code that sequences observe, diff, apply and verify.

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{
    Delta, Describe as _, Desired, Diagnostic as _, EnsureError, Event, Journal, JournalError,
    Label as _, NoJournal, Touched,
};

/// A comparison that someone can look at, store, and apply later.
///
/// It is bound to what was observed: [`Plan::apply`] does nothing that the plan did not show.
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
    /// It was already so; nothing was written.
    Unchanged(S),
    /// It is so now, and was observed to be.
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
    pub fn into_seen(self) -> S {
        match self {
            Self::Unchanged(seen) | Self::Changed { before: _, after: seen } => seen,
        }
    }
}

/// Compares `desired` with the world. It writes nothing.
///
/// # Errors
///
/// Fails if the world cannot be read or the operation refuses.
pub async fn plan<D: Desired>(
    target: &D::Target,
    desired: &D,
) -> Result<Plan<D>, EnsureError<D::Error>> {
    let (before, delta) = look(target, desired, Touched::Nothing).await?;
    Ok(Plan { desired: desired.clone(), before, delta })
}

/// Makes `desired` true, and returns only once it was observed to be.
///
/// # Errors
///
/// [`EnsureError::touched`] says whether a failure may have left a change.
pub async fn ensure<D: Desired>(
    target: &D::Target,
    desired: &D,
) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
    plan(target, desired).await?.ready(target).await?.execute(target, &mut NoJournal).await
}

impl<D: Desired> Plan<D> {
    /// Returns what stands between the world and the desired fact.
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

    /// Returns the desired fact that would undo this plan.
    pub fn undo(&self) -> Option<D> {
        match self.delta {
            Delta::Satisfied => None,
            Delta::Wait(_) | Delta::Changes(_) => self.desired.undo(&self.before),
        }
    }

    /// Applies what was planned and nothing else, or refuses.
    ///
    /// # Errors
    ///
    /// Fails with [`EnsureError::Stale`], having touched nothing, if the same comparison would
    /// now do something that this plan does not show. A plan that could only wait approves
    /// nothing: what is to be done by then needs a plan of its own.
    pub async fn apply(
        self,
        target: &D::Target,
        journal: &mut dyn Journal,
    ) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
        let now = plan(target, &self.desired).await?.ready(target).await?;
        if now.delta.within(&self.delta) {
            return now.execute(target, journal).await;
        }
        let why = match &self.delta {
            Delta::Wait(_) => "it was waiting when the plan was made; its changes need approval",
            Delta::Satisfied | Delta::Changes(_) => "something else would be done now",
        };
        Err(EnsureError::Stale { subject: name(target, &self.desired), why: why.to_owned() })
    }

    /// Waits until there is something to do, or nothing is left to do.
    pub(crate) async fn ready(self, target: &D::Target) -> Result<Self, EnsureError<D::Error>> {
        if !matches!(self.delta, Delta::Wait(_)) {
            return Ok(self);
        }
        let Self { desired, before: _, delta: _ } = self;
        let ready = |delta: &Delta<_>| !matches!(delta, Delta::Wait(_));
        let (before, delta) = until(target, &desired, Touched::Nothing, ready).await?;
        Ok(Self { desired, before, delta })
    }

    pub(crate) async fn execute(
        self,
        target: &D::Target,
        journal: &mut dyn Journal,
    ) -> Result<Outcome<D::Observed>, EnsureError<D::Error>> {
        let undo = self.undo();
        let Self { desired, before, delta } = self;
        let changes = match delta {
            Delta::Changes(changes) => changes,
            Delta::Satisfied | Delta::Wait(_) => return Ok(Outcome::Unchanged(before)),
        };
        // Intent before effect: a crash from here on leaves a trace.
        let intent = Event::intent(target.label(), &desired, &changes, undo.as_ref());
        record(journal, intent, Touched::Nothing)?;
        let done = write_and_verify(target, &desired, &changes).await;
        let end = Event::end::<D>(target.label(), done.as_ref());
        // The first error is the one that matters; a journal that fails after it hides nothing.
        let recorded = record(journal, Ok(end), Touched::Maybe);
        let after = done?;
        recorded?;
        Ok(Outcome::Changed { before, after })
    }
}

async fn write_and_verify<D: Desired>(
    target: &D::Target,
    desired: &D,
    changes: &[D::Change],
) -> Result<D::Observed, EnsureError<D::Error>> {
    for (nth, change) in changes.iter().enumerate() {
        desired.apply(target, change).await.map_err(|source| EnsureError::Apply {
            subject: name(target, desired),
            change: change.describe().to_string(),
            touched: if nth == 0 { source.touched() } else { Touched::Maybe },
            source,
        })?;
    }
    // Look, never write again: a second write would hide that the first one did not do what the
    // diff says.
    let satisfied = |delta: &Delta<_>| matches!(delta, Delta::Satisfied);
    Ok(until(target, desired, Touched::Maybe, satisfied).await?.0)
}

pub(crate) fn name<D: Desired>(target: &D::Target, desired: &D) -> String {
    format!("{} on {}", desired.subject(), target.label())
}

async fn look<D: Desired>(
    target: &D::Target,
    desired: &D,
    touched: Touched,
) -> Result<(D::Observed, Delta<D::Change>), EnsureError<D::Error>> {
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
    target: &D::Target,
    desired: &D,
    touched: Touched,
    enough: impl Fn(&Delta<D::Change>) -> bool + Send,
) -> Result<(D::Observed, Delta<D::Change>), EnsureError<D::Error>> {
    let settle = desired.poll_policy();
    let start = Instant::now();
    loop {
        let (seen, delta) = look(target, desired, touched).await?;
        if enough(&delta) {
            return Ok((seen, delta));
        }
        if start.elapsed() >= settle.within {
            let why = match delta {
                Delta::Wait(why) => why,
                Delta::Changes(left) => left
                    .iter()
                    .map(|change| change.describe().to_string())
                    .collect::<Vec<_>>()
                    .join("; "),
                Delta::Satisfied => "it is already so".to_owned(),
            };
            let (subject, within) = (name(target, desired), settle.within);
            return Err(EnsureError::NotSettled { subject, within, why, touched });
        }
        sleep(settle.every).await;
    }
}

fn record<E: std::error::Error + 'static>(
    journal: &mut dyn Journal,
    event: Result<Event, JournalError>,
    touched: Touched,
) -> Result<(), EnsureError<E>> {
    event
        .and_then(|event| journal.record(event))
        .map_err(|source| EnsureError::Journal { touched, source })
}
