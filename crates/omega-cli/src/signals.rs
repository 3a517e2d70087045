//! Ctrl-C, SIGTERM and SIGHUP. Before the first write the program stops at once. After it, the first
//! signal stops it between two writes, and the second one at once.

use std::{
    io::{self, Write as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use omega::core::{CancelReason, Context, Failure, FailureClass, Touched};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    time::Instant,
};

/// What follows the first signal so soon is the same request, sent twice: `timeout` signals its child and
/// then the child's group, systemd every process of a unit, and a terminal a wrapper that passes it on.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// The signals that the parent ignores, as the kernel shows them (`SigIgn` in `/proc/self/status`): `nohup`
/// ignores SIGHUP, and a shell SIGINT for what runs in the background. That stays so.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// What a signal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    StopNow,
    Finish,
    Known,
}

/// Handles signals.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    ctx: Context,
    now: Arc<Notify>,
    first: Arc<OnceLock<Instant>>,
}

impl Signals {
    /// Listens from now on, and cancels `ctx`.
    pub(crate) fn listen(ctx: &Context) -> Self {
        let signals = Self { ctx: ctx.clone(), now: Arc::default(), first: Arc::default() };
        let ignored = ignored();
        for (kind, reason) in [
            (SignalKind::interrupt(), CancelReason::Interrupt),
            (SignalKind::terminate(), CancelReason::Terminate),
            (SignalKind::hangup(), CancelReason::Hangup),
        ] {
            if ignored >> (kind.as_raw_value() - 1) & 1 == 1 {
                continue;
            }
            match signal(kind) {
                Ok(received) => {
                    drop(tokio::spawn(signals.clone().heed(received, reason)));
                }
                Err(error) => tracing::warn!(%error, "can't listen for signals"),
            }
        }
        signals
    }

    async fn heed(self, mut received: Signal, reason: CancelReason) {
        while received.recv().await.is_some() {
            if self.answer(reason) == Answer::Finish {
                // An error is ignored: the terminal may be gone.
                let text = "Finishing this step; press Ctrl-C again to stop immediately";
                drop(writeln!(io::stderr(), "{text}"));
            }
        }
    }

    fn answer(&self, reason: CancelReason) -> Answer {
        let since_first = self.first.get().map(Instant::elapsed);
        let _first = self.first.get_or_init(Instant::now);
        self.ctx.cancel().cancel_for(reason);
        match since_first {
            _ if !self.ctx.has_written() => self.stop_now(),
            None => Answer::Finish,
            Some(since) if since < SAME_REQUEST => Answer::Known,
            Some(_) => self.stop_now(),
        }
    }

    fn stop_now(&self) -> Answer {
        self.now.notify_one();
        Answer::StopNow
    }

    /// Returns when the program is to end without waiting for anything.
    pub(crate) async fn at_once(&self) -> Failure {
        self.now.notified().await;
        let failure = Failure::new(FailureClass::Interrupted, "interrupted");
        if !self.ctx.has_written() {
            return failure;
        }
        Failure { touched: Touched::Maybe, ..failure }
            .because("stopped at the second signal, without waiting for the step under way")
            .next("run the same command again: it reads the state first")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals() -> Signals {
        Signals { ctx: Context::default(), now: Arc::default(), first: Arc::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_that_is_sent_twice_in_one_breath_is_one_request() {
        let signals = signals();
        signals.ctx.mark_written();
        assert_eq!(signals.answer(CancelReason::Terminate), Answer::Finish);
        tokio::time::advance(Duration::from_millis(20)).await;
        assert_eq!(signals.answer(CancelReason::Terminate), Answer::Known);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(signals.answer(CancelReason::Interrupt), Answer::StopNow);
        assert_eq!(signals.at_once().await.touched, Touched::Maybe);
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_write_every_signal_stops_at_once() {
        let signals = signals();
        assert_eq!(signals.answer(CancelReason::Interrupt), Answer::StopNow);
        assert_eq!(signals.at_once().await.touched, Touched::Nothing);
    }
}
