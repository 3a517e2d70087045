//! What an operation gets besides its target: an event sink, a journal, a cancellation token, a
//! deadline and a clock.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, select};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    Event, EventSink, Journal, JournalError, NoJournal, Progress, StepId, journal::Entry,
    run::Locking,
};

/// How long a write that is under way, its verification, and the removal of what a run made for itself may
/// still take after the run was stopped by [`CancelReason::Deadline`]. Then they are given up.
pub const GRACE: Duration = Duration::from_secs(30);

/// A run's event sink, journal, cancellation, deadline and clock.
///
/// The default keeps no journal, drops events, is never cancelled and has no deadline: this is what
/// a caller of one operation needs. Cloning is cheap, and a clone belongs to the same run.
#[derive(Clone)]
pub struct Context {
    cancel: CancelToken,
    /// That of the run, which still bounds what can't be cancelled.
    run: CancelToken,
    deadline: Option<Instant>,
    clock: Clock,
    events: Arc<dyn EventSink>,
    journal: Arc<dyn Journal>,
    written: Arc<AtomicBool>,
    step: Option<Arc<StepId>>,
    purpose: Purpose,
    locking: Arc<Locking>,
}

/// What a change is for, as the journal tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It stays, and can be rolled back.
    #[default]
    Lasting,
    /// What it makes is removed again by the same run.
    Temporary,
    /// It removes what a run made for itself, or only in part: that has no rollback.
    Removal,
}

impl Default for Context {
    fn default() -> Self {
        let cancel = CancelToken::default();
        Self {
            run: cancel.clone(),
            cancel,
            deadline: None,
            clock: Clock::System,
            events: Arc::new(crate::NoEvents),
            journal: Arc::new(NoJournal),
            written: Arc::default(),
            step: None,
            purpose: Purpose::default(),
            locking: Arc::default(),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cancel, run, deadline, clock, written, step, purpose, locking, .. } = self;
        f.debug_struct("Context")
            .field("cancel", cancel)
            .field("run", run)
            .field("deadline", deadline)
            .field("clock", clock)
            .field("written", written)
            .field("step", step)
            .field("purpose", purpose)
            .field("locking", locking)
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
        Self { run: cancel.clone(), cancel, ..self }
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

    /// Takes the locks of targets in this way. By default the holder is this process, without a user.
    #[must_use]
    pub fn with_locking(self, locking: Locking) -> Self {
        Self { locking: Arc::new(locking), ..self }
    }

    /// Returns a context of the same run that can't be cancelled, for cleaning up, as [`Context::removing`]. It has
    /// [`GRACE`] after the deadline of the run.
    #[must_use]
    pub fn uncancelled(&self) -> Self {
        Self { cancel: CancelToken::default(), deadline: None, ..self.removing() }
    }

    /// Returns a context of the same run for removing what a run made for itself, or only in part: that is no change
    /// to roll back.
    #[must_use]
    pub fn removing(&self) -> Self {
        self.for_purpose(Purpose::Removal)
    }

    /// Returns a context of the same run for `step`: progress is reported under that name.
    #[must_use]
    pub fn for_step(&self, step: StepId) -> Self {
        Self { step: Some(Arc::new(step)), ..self.clone() }
    }

    /// Returns a context of the same run for changes of this purpose.
    pub(crate) fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// Returns what changes are for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Returns the cancellation token.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Returns how the locks of targets are taken.
    pub fn locking(&self) -> &Locking {
        &self.locking
    }

    /// Returns when the run gives up.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns what `read` gives, or nothing if the run was stopped by its deadline before. A read that is
    /// dropped changes nothing. What can't be cancelled has [`GRACE`].
    pub(crate) async fn in_time<T>(&self, read: impl Future<Output = T>) -> Option<T> {
        let (late, over) = (pin!(self.cancel.deadline_passed()), pin!(self.run.grace_over()));
        match select(pin!(read), select(late, over)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// Returns what `write` gives, or nothing if [`GRACE`] was over before: then what was sent may have had
    /// its effect, or not.
    pub(crate) async fn in_grace<T>(&self, write: impl Future<Output = T>) -> Option<T> {
        match select(pin!(write), pin!(self.run.grace_over())).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// Returns whether nothing more is to be sent: the run was cancelled, or, of what can't be cancelled, the
    /// time after its deadline is over.
    pub(crate) fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.run.is_grace_over()
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
pub struct CancelToken(Arc<watch::Sender<Asked>>);

/// What was asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    /// The first reason.
    reason: Option<CancelReason>,
    /// When the deadline passed, if that was a reason too.
    late: Option<Instant>,
}

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
    /// The time for the whole run is over. What is under way has [`GRACE`].
    Deadline,
}

impl Default for CancelToken {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Asked::default())))
    }
}

impl CancelToken {
    /// Cancels the run.
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::Interrupt);
    }

    /// Cancels the run, for `reason`. The first reason counts; after whatever reason, a deadline still ends
    /// what is under way.
    pub fn cancel_for(&self, reason: CancelReason) {
        self.0.send_if_modified(|asked| {
            let before = *asked;
            asked.reason = asked.reason.or(Some(reason));
            if reason == CancelReason::Deadline {
                asked.late = asked.late.or_else(|| Some(Instant::now()));
            }
            *asked != before
        });
    }

    /// Cancels the run at `deadline`, for [`CancelReason::Deadline`]. Needs tokio's runtime with time.
    pub fn cancel_at(&self, deadline: Instant) {
        let token = self.clone();
        drop(tokio::spawn(async move {
            sleep_until(deadline).await;
            token.cancel_for(CancelReason::Deadline);
        }));
    }

    /// Returns why the run was cancelled, if it was.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.borrow().reason
    }

    /// Returns when the deadline passed, if it has.
    fn late(&self) -> Option<Instant> {
        self.0.borrow().late
    }

    /// Returns once the deadline has passed.
    async fn deadline_passed(&self) {
        drop(self.0.subscribe().wait_for(|asked| asked.late.is_some()).await);
    }

    /// Returns once the time after the deadline is over.
    async fn grace_over(&self) {
        self.deadline_passed().await;
        if let Some(late) = self.late() {
            sleep_until(late + GRACE).await;
        }
    }

    fn is_grace_over(&self) -> bool {
        self.late().is_some_and(|late| Instant::now() >= late + GRACE)
    }

    /// Returns whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Returns once the run is cancelled.
    pub async fn cancelled(&self) {
        // `self` owns the sender, so the channel stays open.
        drop(self.0.subscribe().wait_for(|asked| asked.reason.is_some()).await);
    }
}
