//! Ctrl-C and SIGTERM: the first stops between two steps, the second at once.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use omega_core::Stop;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

static BY_TERM: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
pub(crate) fn listen() -> Stop {
    let stop = Stop::default();
    for (kind, exit) in
        [(SignalKind::interrupt(), Exit::Interrupted), (SignalKind::terminate(), Exit::Terminated)]
    {
        let stop = stop.clone();
        match signal(kind) {
            Ok(signals) => drop(tokio::spawn(wait(signals, stop, exit))),
            Err(error) => tracing::warn!(%error, "can't listen for signals"),
        }
    }
    stop
}

async fn wait(mut signals: tokio::signal::unix::Signal, stop: Stop, exit: Exit) {
    while signals.recv().await.is_some() {
        if stop.asked() {
            say(
                "stopped at once: what was being written may be half done; run the same command again",
            );
            #[expect(clippy::exit, reason = "the second signal stops at once, by contract")]
            std::process::exit(exit.code().into());
        }
        stop.ask();
        BY_TERM.store(exit == Exit::Terminated, Ordering::SeqCst);
        say("stopping after this step (once more: at once)");
    }
}

fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Tells SIGTERM from Ctrl-C in how the program ends.
pub(crate) fn by_which(stop: &Stop, exit: Exit) -> Exit {
    let by_term = stop.asked() && BY_TERM.load(Ordering::SeqCst);
    if exit == Exit::Interrupted && by_term { Exit::Terminated } else { exit }
}
