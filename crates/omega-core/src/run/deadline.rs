//! The time for the whole of what a program does. Before the first write it ends when the time is over.
//! After it, the step under way has a short time, so that journal and report are whole.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{CancelReason, Context, Failure, FailureClass, GRACE, Touched};

/// How long a run that has not written may take to say what it knows.
const ORDERLY: Duration = Duration::from_millis(250);

/// How long after [`GRACE`] it ends in any case.
const LAST: Duration = Duration::from_secs(5);

/// When everything that a program does with a [`Context`] ends: connecting, looking and writing.
///
/// ```
/// # async fn work() -> Result<(), omega_core::Failure> { Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), omega_core::Failure> {
/// use std::time::Duration;
///
/// use omega_core::{Context, run::Deadline};
///
/// let (ctx, deadline) = (Context::default(), Deadline::within(Duration::from_mins(5)));
/// tokio::select! {
///     done = work() => done,
///     late = deadline.passed(&ctx, || {}) => Err(late),
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    after: Duration,
    at: Instant,
}

impl Deadline {
    /// It may take this long from now on.
    pub fn within(after: Duration) -> Self {
        // A time that no clock can show never comes.
        let never = Duration::from_hours(100 * 365 * 24);
        Self { after, at: Instant::now() + after.min(never) }
    }

    /// Stops the run of `ctx` when the time is over, and returns when nothing is to be waited for any more. Drop
    /// the future of the work then. If something may have been written, that is up to [`GRACE`] and 5 s later;
    /// `ending` is called when that time begins.
    pub async fn passed(self, ctx: &Context, ending: impl FnOnce()) -> Failure {
        sleep_until(self.at).await;
        let has_written = ctx.has_written();
        ctx.cancel().cancel_for(CancelReason::Deadline);
        if has_written {
            ending();
        }
        sleep(ORDERLY).await;
        let failure =
            Failure::new(FailureClass::Deadline, format!("timed out after {}", shown(self.after)));
        if !ctx.has_written() {
            return failure.next("run it again with more time; nothing was changed");
        }
        sleep_until(self.at + GRACE + LAST).await;
        Failure { touched: Touched::Maybe, ..failure }
            .because("what was under way did not end")
            .next("run the same command again: it reads the state first")
    }
}

fn shown(after: Duration) -> String {
    SignedDuration::try_from(after).map_or_else(|_| format!("{after:?}"), |one| format!("{one:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn before_the_first_write_it_ends_at_once_and_says_that_nothing_changed() {
        let (ctx, start) = (Context::default(), Instant::now());
        let failure = Deadline::within(Duration::from_mins(10)).passed(&ctx, || {}).await;
        assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Nothing));
        assert_eq!(failure.message, "timed out after 10m");
        assert_eq!(start.elapsed(), Duration::from_mins(10) + ORDERLY);
        assert_eq!(ctx.cancel().reason(), Some(CancelReason::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_write_it_waits_for_the_step_and_never_says_that_nothing_changed() {
        let (ctx, start) = (Context::default(), Instant::now());
        ctx.mark_written();
        let failure = Deadline::within(Duration::from_secs(90)).passed(&ctx, || {}).await;
        assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Maybe));
        assert_eq!(start.elapsed(), Duration::from_secs(90) + GRACE + LAST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_write_that_comes_as_the_time_ends_counts() {
        let ctx = Context::default();
        let writes = async {
            sleep(Duration::from_millis(1100)).await;
            ctx.mark_written();
        };
        let ended = Deadline::within(Duration::from_secs(1)).passed(&ctx, || {});
        let (failure, ()) = tokio::join!(ended, writes);
        assert_eq!(failure.touched, Touched::Maybe);
    }
}
