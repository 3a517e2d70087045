//! The one way to wait: a condition that is a pure function of what is read, polled here.

use std::{fmt, time::Duration};

use futures::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use crate::{Context, Diagnostic, Retry, Touched};

/// How often and how long to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollPolicy {
    /// Pause between two looks.
    pub every: Duration,
    /// When to give up in any case.
    pub within: Duration,
    /// When to give up because nothing changes: neither what is missing, nor an error.
    pub stalled: Option<Duration>,
    /// When to give up because nothing could be read.
    pub unanswered: Option<Duration>,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}

impl PollPolicy {
    /// Polls for at most `within`, with a pause of `every`.
    pub const fn new(every: Duration, within: Duration) -> Self {
        Self { every, within, stalled: None, unanswered: None }
    }

    /// Also gives up when nothing has changed for this long.
    #[must_use]
    pub const fn stalled(self, after: Duration) -> Self {
        Self { stalled: Some(after), ..self }
    }

    /// Also gives up when nothing could be read for this long, since the last answer.
    #[must_use]
    pub const fn unanswered(self, after: Duration) -> Self {
        Self { unanswered: Some(after), ..self }
    }
}

/// The result of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It holds.
    Met,
    /// It does not hold yet: what is missing. As long as this text changes, there is progress.
    Pending(String),
    /// It can't hold any more, and why.
    Failed(String),
}

/// A pure function of what was read. Conditions compose with [`and`](Condition::and) and
/// [`or`](Condition::or); only [`wait_for`] polls them.
pub trait Condition<S: ?Sized>: Send + Sync {
    /// Decides. No I/O, no clock.
    fn check(&self, seen: &S) -> Check;

    /// Holds if both hold; fails if one fails.
    fn and<O: Condition<S>>(self, other: O) -> And<Self, O>
    where
        Self: Sized,
    {
        And(self, other)
    }

    /// Holds if one holds; fails if both fail.
    fn or<O: Condition<S>>(self, other: O) -> Or<Self, O>
    where
        Self: Sized,
    {
        Or(self, other)
    }
}

impl<S: ?Sized, F: Fn(&S) -> Check + Send + Sync> Condition<S> for F {
    fn check(&self, seen: &S) -> Check {
        self(seen)
    }
}

/// Both.
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(A, B);

impl<S: ?Sized, A: Condition<S>, B: Condition<S>> Condition<S> for And<A, B> {
    fn check(&self, seen: &S) -> Check {
        match (self.0.check(seen), self.1.check(seen)) {
            (Check::Failed(why), _) | (_, Check::Failed(why)) => Check::Failed(why),
            (Check::Pending(why), _) | (_, Check::Pending(why)) => Check::Pending(why),
            (Check::Met, Check::Met) => Check::Met,
        }
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B>(A, B);

impl<S: ?Sized, A: Condition<S>, B: Condition<S>> Condition<S> for Or<A, B> {
    fn check(&self, seen: &S) -> Check {
        match (self.0.check(seen), self.1.check(seen)) {
            (Check::Met, _) | (_, Check::Met) => Check::Met,
            (Check::Pending(why), _) | (_, Check::Pending(why)) => Check::Pending(why),
            (Check::Failed(one), Check::Failed(other)) => Check::Failed(format!("{one}; {other}")),
        }
    }
}

/// Why a wait ended without its condition. It carries the last thing that was read, if anything was.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError<S, E> {
    /// Reading failed, and reading again would not help.
    Read(E),
    /// The condition can't hold any more.
    Failed {
        /// Why.
        why: String,
        /// What was read.
        seen: S,
    },
    /// The condition did not hold in time.
    TimedOut(TimedOut<S>),
    /// The run was cancelled.
    Cancelled,
}

/// A wait that took too long.
#[derive(Debug)]
pub struct TimedOut<S> {
    /// How long was waited.
    pub after: Duration,
    /// Whether it ended for lack of progress.
    pub stalled: bool,
    /// What was still missing, or why it could not be read.
    pub why: String,
    /// What was read last, if anything was.
    pub seen: Option<S>,
}

impl<S> fmt::Display for TimedOut<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, stalled, why, seen: _ } = self;
        if *stalled {
            write!(f, "nothing changed for {after:?}: {why}")
        } else {
            write!(f, "not within {after:?}: {why}")
        }
    }
}

/// Reads until `condition` holds, and returns what was read then.
///
/// After a transient error it reads again, as long as `policy` allows. The wait ends at once when
/// `ctx` is cancelled, and at its deadline. A read that is under way is finished, unless the run is stopped by
/// [`CancelReason::Deadline`](crate::CancelReason::Deadline): then it is abandoned. `tell` is called with what is missing, each time.
///
/// # Errors
///
/// Tells how the wait ended instead.
pub async fn wait_for<S, E, F>(
    ctx: &Context,
    policy: PollPolicy,
    read: impl Fn() -> F + Send,
    condition: &impl Condition<S>,
    tell: impl FnMut(&str, Duration) + Send,
) -> Result<S, WaitError<S, E>>
where
    S: Send,
    E: Diagnostic + Send,
    F: Future<Output = Result<S, E>> + Send,
{
    wait_after(ctx, Touched::Nothing, policy, read, condition, tell).await
}

/// The same. After a write (`touched`), the first read shows what the write did: it has
/// [`GRACE`](crate::GRACE).
pub(crate) async fn wait_after<S, E, F>(
    ctx: &Context,
    touched: Touched,
    policy: PollPolicy,
    read: impl Fn() -> F + Send,
    condition: &impl Condition<S>,
    mut tell: impl FnMut(&str, Duration) + Send,
) -> Result<S, WaitError<S, E>>
where
    S: Send,
    E: Diagnostic + Send,
    F: Future<Output = Result<S, E>> + Send,
{
    let mut shows_write = touched == Touched::Maybe;
    let start = Instant::now();
    let mut last: (String, Instant) = (String::new(), start);
    let mut answered = start;
    loop {
        let read = if std::mem::take(&mut shows_write) {
            ctx.in_grace(read()).await
        } else {
            ctx.in_time(read()).await
        };
        let (why, seen) = match read.ok_or(WaitError::Cancelled)? {
            Ok(seen) => match condition.check(&seen) {
                Check::Met => return Ok(seen),
                Check::Failed(why) => return Err(WaitError::Failed { why, seen }),
                Check::Pending(why) => (why, Some(seen)),
            },
            Err(error) if error.retry() == Retry::Transient => {
                (crate::failure::chain(&error).join(": "), None)
            }
            Err(error) => return Err(WaitError::Read(error)),
        };
        if seen.is_some() {
            answered = Instant::now();
        }
        let silent = policy.unanswered.is_some_and(|limit| answered.elapsed() >= limit);
        if why != last.0 {
            last = (why.clone(), Instant::now());
        }
        tell(&why, start.elapsed());
        let quiet = last.1.elapsed();
        let stalled = policy.stalled.is_some_and(|limit| quiet >= limit);
        let late = ctx.deadline().is_some_and(|deadline| Instant::now() >= deadline);
        if start.elapsed() >= policy.within || late || stalled || silent {
            let after = if stalled { quiet } else { start.elapsed() };
            return Err(WaitError::TimedOut(TimedOut { after, stalled, why, seen }));
        }
        let next = Instant::now() + policy.every;
        let next = ctx.deadline().map_or(next, |deadline| deadline.min(next));
        let pause = Box::pin(ctx.in_grace(sleep_until(next)));
        let cancelled = Box::pin(ctx.cancel().cancelled());
        let Either::Left((Some(()), _)) = select(pause, cancelled).await else {
            return Err(WaitError::Cancelled);
        };
    }
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
