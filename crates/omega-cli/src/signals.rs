//! Ctrl-C, SIGTERM and SIGHUP. Before the first write the program stops at once. After it, the first
//! signal stops it between two writes, and the second one at once.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use omega::core::{CancelReason, Context, Failure, FailureClass, Touched};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

/// The signals that the parent ignores, as the kernel shows them (`SigIgn` in `/proc/self/status`): `nohup`
/// ignores SIGHUP, and a shell SIGINT for what runs in the background. That stays so.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Handles signals.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    ctx: Context,
    now: Arc<Notify>,
}

impl Signals {
    /// Listens from now on, and cancels `ctx`.
    pub(crate) fn listen(ctx: &Context) -> Self {
        let signals = Self { ctx: ctx.clone(), now: Arc::default() };
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
            let again = self.ctx.cancel().is_cancelled();
            self.ctx.cancel().cancel_for(reason);
            if again || !self.ctx.has_written() {
                self.now.notify_one();
            } else {
                // An error is ignored: the terminal may be gone.
                let text = "Finishing this step; press Ctrl-C again to stop immediately";
                drop(writeln!(io::stderr(), "{text}"));
            }
        }
    }

    /// Returns when the program is to end without waiting for anything.
    pub(crate) async fn at_once(&self) -> Failure {
        self.now.notified().await;
        let failure = Failure::new(FailureClass::Interrupted, "interrupted");
        if !self.ctx.has_written() {
            return failure;
        }
        Failure { touched: Touched::Maybe, ..failure }
            .because("a write may be incomplete")
            .next("run the same command again: it reads the state first")
    }
}
