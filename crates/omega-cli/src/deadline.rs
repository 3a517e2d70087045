//! The time for the whole command (`--timeout`). Before the first write the program ends when it is over.
//! After it, the step under way has a short time, so that journal and report are whole.

use std::time::Duration;

use omega::core::{CancelReason, Context, Failure, FailureClass, GRACE, Touched};
use tokio::time::{Instant, sleep, sleep_until};

use crate::render::Console;

/// How long a run that has not written may take to say what it knows.
const ORDERLY: Duration = Duration::from_millis(250);

/// How long after [`GRACE`] the program ends in any case.
const LAST: Duration = Duration::from_secs(5);

/// When the command ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    after: Duration,
    at: Instant,
}

impl Deadline {
    /// The command may take this long from now on.
    pub(crate) fn within(after: Duration) -> Self {
        // A time that no clock can show never comes.
        let never = Duration::from_hours(100 * 365 * 24);
        Self { after, at: Instant::now() + after.min(never) }
    }

    /// Stops the run of `ctx` when the time is over, and returns when the program is to end without waiting
    /// for anything.
    pub(crate) async fn at_once(self, ctx: &Context, console: &Console) -> Failure {
        sleep_until(self.at).await;
        let has_written = ctx.has_written();
        ctx.cancel().cancel_for(CancelReason::Deadline);
        if has_written {
            let grace = GRACE.as_secs();
            console.say(&format!("Timed out: ending the step under way, within {grace} s"));
        }
        sleep(ORDERLY).await;
        let failure = Failure::new(
            FailureClass::Deadline,
            format!("timed out after {} (--timeout)", shown(self.after)),
        );
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
    jiff::SignedDuration::try_from(after)
        .map_or_else(|_| format!("{after:?}"), |one| format!("{one:#}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::environment::Environment;

    fn console() -> Arc<Console> {
        Arc::new(Console::new(&Environment::read(), true))
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_write_it_ends_at_once_and_says_that_nothing_changed() {
        let (ctx, start) = (Context::default(), Instant::now());
        let failure = Deadline::within(Duration::from_mins(10)).at_once(&ctx, &console()).await;
        assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Nothing));
        assert_eq!(failure.message, "timed out after 10m (--timeout)");
        assert_eq!(start.elapsed(), Duration::from_mins(10) + ORDERLY);
        assert_eq!(ctx.cancel().reason(), Some(CancelReason::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_write_it_waits_for_the_step_and_never_says_that_nothing_changed() {
        let (ctx, start) = (Context::default(), Instant::now());
        ctx.mark_written();
        let failure = Deadline::within(Duration::from_secs(90)).at_once(&ctx, &console()).await;
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
        let ended = Deadline::within(Duration::from_secs(1));
        let console = console();
        let (failure, ()) = tokio::join!(ended.at_once(&ctx, &console), writes);
        assert_eq!(failure.touched, Touched::Maybe);
    }
}
