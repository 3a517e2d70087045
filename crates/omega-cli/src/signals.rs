//! Ctrl-C and SIGTERM: while nothing has been written the program stops at once; then between two
//! steps, and at once the second time.

use std::{
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use omega_core::{CancelToken, Failure, FailureClass, Touched};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

/// Whether it was SIGTERM that stopped the program: it tells the two exit codes apart.
static BY_TERM: AtomicBool = AtomicBool::new(false);

/// Returns whether it was SIGTERM that stopped the program.
pub(crate) fn by_term() -> bool {
    BY_TERM.load(Ordering::SeqCst)
}

/// What the operator asks for by signals.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// To stop between two steps.
    pub(crate) stop: CancelToken,
    writes: bool,
    now: Arc<Notify>,
}

impl Signals {
    /// Listens from now on. `writes`: whether the command may write.
    pub(crate) fn listen(writes: bool) -> Self {
        let signals = Self { stop: CancelToken::default(), writes, now: Arc::default() };
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            match signal(kind) {
                Ok(received) => {
                    drop(tokio::spawn(signals.clone().heed(received, kind)));
                }
                Err(error) => tracing::warn!(%error, "can't listen for signals"),
            }
        }
        signals
    }

    async fn heed(self, mut received: Signal, kind: SignalKind) {
        while received.recv().await.is_some() {
            if !self.stop.asked() {
                BY_TERM.store(kind == SignalKind::terminate(), Ordering::SeqCst);
            }
            if self.stop.asked() || !self.writes() {
                self.now.notify_one();
            } else {
                self.stop.ask();
                // Nobody may be there to read it.
                drop(writeln!(io::stderr(), "stopping after this step (once more: at once)"));
            }
        }
    }

    /// Whether something may have been written by now: a command that writes looks first.
    fn writes(&self) -> bool {
        self.writes && self.stop.has_begun()
    }

    /// Returns when the program is to end without waiting for anything.
    pub(crate) async fn at_once(&self) -> Failure {
        self.now.notified().await;
        let failure = Failure::new(FailureClass::Interrupted, "stopped, as asked");
        if !self.writes() {
            return failure;
        }
        Failure { touched: Touched::Maybe, ..failure }
            .because("what was being written may be half done")
            .next("run the same command again: it looks first")
    }
}
