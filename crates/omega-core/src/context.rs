//! What an operation gets besides its target: an event sink, a journal, a cancellation token, a
//! deadline and a clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use crate::{Event, EventSink, Journal, JournalError, NoJournal, Progress, StepId, journal::Entry};

/// A run's event sink, journal, cancellation, deadline and clock.
///
/// The default keeps no journal, drops events, is never cancelled and has no deadline: this is what
/// a caller of one operation needs. Cloning is cheap, and a clone belongs to the same run.
#[derive(Clone)]
pub struct Context {
    cancel: CancelToken,
    deadline: Option<Instant>,
    clock: Clock,
    events: Arc<dyn EventSink>,
    journal: Arc<dyn Journal>,
    written: Arc<AtomicBool>,
    step: Option<Arc<StepId>>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            cancel: CancelToken::default(),
            deadline: None,
            clock: Clock::System,
            events: Arc::new(crate::NoEvents),
            journal: Arc::new(NoJournal),
            written: Arc::default(),
            step: None,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cancel, deadline, clock, events: _, journal: _, written, step } = self;
        f.debug_struct("Context")
            .field("cancel", cancel)
            .field("deadline", deadline)
            .field("clock", clock)
            .field("written", written)
            .field("step", step)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Sends events to `events`.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn EventSink>) -> Self {
        Self { events, ..self }
    }

    /// Records intents in `journal`.
    #[must_use]
    pub fn with_journal(self, journal: Arc<dyn Journal>) -> Self {
        Self { journal, ..self }
    }

    /// Stops when `cancel` is cancelled.
    #[must_use]
    pub fn with_cancel(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
    }

    /// Gives up at `deadline`.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Returns a context of the same run that can't be cancelled, for cleaning up.
    #[must_use]
    pub fn uncancelled(&self) -> Self {
        Self { cancel: CancelToken::default(), deadline: None, ..self.clone() }
    }

    /// Returns a context of the same run for `step`: progress is reported under that name.
    #[must_use]
    pub fn for_step(&self, step: StepId) -> Self {
        Self { step: Some(Arc::new(step)), ..self.clone() }
    }

    /// Returns the cancellation token.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Returns when the run gives up.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns whether something may have been written. Before that, the program can end at once
    /// without losing anything.
    pub fn has_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// Says that to end at once would lose something, as after a write: a report in the making.
    pub fn mark_written(&self) {
        self.written.store(true, Ordering::SeqCst);
    }

    /// Sends one event to the sink.
    pub fn tell(&self, event: &Event) {
        self.events.event(event);
    }

    /// Reports how far the step has come.
    pub fn progress(&self, progress: Progress) {
        if let Some(step) = &self.step {
            self.tell(&Event::StepProgress { step: (**step).clone(), progress });
        }
    }

    /// Records an entry durably. After the first intent, something may have been written.
    pub(crate) fn record(&self, entry: &Entry) -> Result<(), JournalError> {
        if matches!(entry, Entry::Intent { .. }) {
            self.written.store(true, Ordering::SeqCst);
        }
        self.journal.record(entry)
    }
}

/// Where the time comes from. Tests and replays fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Always this time.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the time.
    pub fn now(self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Fixed(time) => time,
        }
    }
}

/// Asks a run to stop. The run stops between two writes or during a wait, never in the middle of a
/// write.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<watch::Sender<Option<CancelReason>>>);

/// Who asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// The operator, or the program that embeds this.
    Interrupt,
    /// A request to end the process (SIGTERM).
    Terminate,
    /// The terminal is gone (SIGHUP).
    Hangup,
}

impl Default for CancelToken {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl CancelToken {
    /// Cancels the run.
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::Interrupt);
    }

    /// Cancels the run, for `reason`. The first reason counts.
    pub fn cancel_for(&self, reason: CancelReason) {
        self.0.send_if_modified(|asked| asked.replace(asked.unwrap_or(reason)).is_none());
    }

    /// Returns why the run was cancelled, if it was.
    pub fn reason(&self) -> Option<CancelReason> {
        *self.0.borrow()
    }

    /// Returns whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Returns once the run is cancelled.
    pub async fn cancelled(&self) {
        // `self` owns the sender, so the channel stays open.
        drop(self.0.subscribe().wait_for(Option::is_some).await);
    }
}
