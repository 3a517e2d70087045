//! What an operation is given besides its target: where events and intents go, the wish to stop, a
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

/// Where a run's events and intents go, how it is stopped, and what time it is.
///
/// The default keeps no journal, tells nobody, is never cancelled and has no deadline: it is what
/// a caller of one operation needs. Cloning is cheap, and a clone is the same run.
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

    /// Stops when `cancel` says so.
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

    /// Returns the same run, whose clean-up a wish to stop no longer ends.
    #[must_use]
    pub fn uncancelled(&self) -> Self {
        Self { cancel: CancelToken::default(), deadline: None, ..self.clone() }
    }

    /// Returns the same run while `step` is being done: its progress is told with that name.
    pub(crate) fn for_step(&self, step: StepId) -> Self {
        Self { step: Some(Arc::new(step)), ..self.clone() }
    }

    /// Returns the operator's wish to stop.
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

    /// Returns whether something may have been written: until then nothing is lost if the program
    /// ends at once.
    pub fn has_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// Tells of one event.
    pub fn tell(&self, event: &Event) {
        self.events.event(event);
    }

    /// Tells how far the step has come.
    pub fn progress(&self, progress: Progress) {
        if let Some(step) = &self.step {
            self.tell(&Event::StepProgress { step: (**step).clone(), progress });
        }
    }

    /// Records an entry, durably. From an intent on, something may be written.
    pub(crate) fn record(&self, entry: &Entry) -> Result<(), JournalError> {
        if matches!(entry, Entry::Intent { .. }) {
            self.written.store(true, Ordering::SeqCst);
        }
        self.journal.record(entry)
    }
}

/// What time it is. Tests and replays fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's.
    System,
    /// Always this.
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

/// The operator's wish to stop. It is honoured between two writes and while something is waited
/// for, never in the middle of a write.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<watch::Sender<Option<CancelReason>>>);

/// Who asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// The operator, or the program that embeds this.
    Interrupt,
    /// Whoever ends processes.
    Terminate,
    /// The terminal is gone.
    Hangup,
}

impl Default for CancelToken {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl CancelToken {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::Interrupt);
    }

    /// Asks to stop, for `reason`. The first reason counts.
    pub fn cancel_for(&self, reason: CancelReason) {
        self.0.send_if_modified(|asked| asked.replace(asked.unwrap_or(reason)).is_none());
    }

    /// Returns why it was asked, if it was.
    pub fn reason(&self) -> Option<CancelReason> {
        *self.0.borrow()
    }

    /// Returns whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Returns once it is asked.
    pub async fn cancelled(&self) {
        // The sender is here: it does not go before an answer.
        drop(self.0.subscribe().wait_for(Option::is_some).await);
    }
}
