use std::{
    fmt,
    io::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};
use omega::core::{
    ChangeKind, Diff, Event, EventSink, Evidence, ItemOutcome, Progress, ProgressUnit,
};
use tokio::task::JoinHandle;

use super::{
    layout::{Sign, line},
    plan::verdict,
    printable::printable,
    screen::width,
};
use crate::{environment::Environment, systems::Systems};

/// How often a long step reports that it still runs, if stderr is not a terminal.
const REMIND: Duration = Duration::from_mins(1);

/// Progress on stderr: one spinner on a terminal, removed at the end; plain lines otherwise.
#[derive(Debug)]
pub(crate) struct Console {
    terminal: bool,
    quiet: bool,
    colour: bool,
    width: usize,
    kept: AtomicBool,
    systems: Arc<Systems>,
    state: Arc<Mutex<State>>,
    reminder: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    target: String,
    now: Option<String>,
    kind: Option<ChangeKind>,
    bar: Option<ProgressBar>,
}

impl Console {
    /// Returns the console for this environment. If `quiet`, it shows only errors.
    pub(crate) fn new(environment: &Environment, quiet: bool) -> Self {
        let terminal = environment.stderr_is_terminal;
        let state = Arc::new(Mutex::new(State::default()));
        let reminder = (!terminal && !quiet).then(|| tokio::spawn(remind(Arc::clone(&state))));
        let width = width(environment, terminal, &console::Term::stderr());
        let (colour, kept) = (environment.colour(terminal), AtomicBool::new(true));
        let systems = Arc::default();
        Self { terminal, quiet, colour, width, kept, systems, state, reminder }
    }

    /// Names `systems` in commands that are suggested.
    pub(crate) fn with_systems(mut self, systems: Arc<Systems>) -> Self {
        self.systems = systems;
        self
    }

    /// Prints a line.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.put(text);
        }
    }

    /// Prints an error, even if quiet.
    pub(crate) fn fail(&self, text: &str) {
        self.put(text);
    }

    /// Shows the current activity until the next call.
    pub(crate) fn now(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begin(self.terminal && !self.quiet, text);
    }

    /// Stops showing it.
    pub(crate) fn done(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end();
    }

    /// Sets whether runs are kept and so are named in the output. A rehearsal's are not.
    pub(crate) fn keeps_runs(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Returns whether runs are named in the output.
    pub(crate) fn names_runs(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    fn finished(&self, event: &Event) {
        let Event::StepFinished { step, subject, outcome, took } = event else { return };
        self.done();
        let sign = match outcome {
            ItemOutcome::Unchanged => return,
            ItemOutcome::Passed { .. } => Sign::Gate,
            ItemOutcome::Changed => Sign::Change(self.kind()),
            ItemOutcome::Deferred { .. } => Sign::Wait,
            ItemOutcome::Warned(finding) => verdict(finding, &str::to_owned).0,
            ItemOutcome::Failed(_) => Sign::No,
        };
        self.target(&step.target);
        let words = match outcome {
            ItemOutcome::Passed { evidence } => Evidence::line(evidence),
            ItemOutcome::Deferred { until } => until.clone(),
            ItemOutcome::Warned(finding) => {
                verdict(finding, &|remedy| self.systems.in_commands(remedy)).1
            }
            ItemOutcome::Failed(_) => format!("failed ({})", seconds(*took)),
            ItemOutcome::Changed | ItemOutcome::Unchanged => {
                format!("done, read back ({})", seconds(*took))
            }
        };
        self.say(&line(sign, &subject.noun, &subject.name, &words, self.width, self.colour));
    }

    /// Remembers the kind of change, for the sign of the result.
    fn will(&self, changes: &[Diff]) {
        let first = changes.first().map(|diff| diff.verb);
        let kind = first.filter(|first| changes.iter().all(|diff| diff.verb == *first));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).kind = kind;
    }

    fn kind(&self) -> ChangeKind {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.kind.unwrap_or(ChangeKind::Update)
    }

    /// Prints a target's name when it changes.
    fn target(&self, target: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.target != target {
            target.clone_into(&mut state.target);
            drop(state);
            self.say(target);
        }
    }

    fn put(&self, text: &str) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = printable(text);
        let write = || {
            // An error means that nobody reads stderr any more.
            drop(writeln!(io::stderr().lock(), "{text}"));
        };
        match &state.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl EventSink for Console {
    fn event(&self, event: &Event) {
        match event {
            Event::Looking => self.now("looking"),
            Event::Looked => self.done(),
            Event::RunStarted { run } if self.kept.load(Ordering::Relaxed) => {
                self.say(&format!("Run {run}"));
            }
            Event::StepStarted { step, subject, changes } => {
                self.target(&step.target);
                self.will(changes);
                self.now(&format!("{}: {subject}", step.target));
            }
            Event::StepWaiting { step, wanted, since } if since.as_secs() > 0 => {
                self.now(&format!("{}: waiting: {wanted}", step.target));
            }
            Event::StepProgress { step, progress } => {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let (terminal, text) =
                    (self.terminal && !self.quiet, format!("{}: {}", step.target, shown(progress)));
                if let Progress { unit: ProgressUnit::Bytes, done, total: Some(total), .. } =
                    progress
                {
                    state.transfer(terminal, (&step.key, &text), *done, *total);
                } else {
                    state.begin(terminal, &text);
                }
            }
            Event::StepFinished { .. } => self.finished(event),
            Event::Settling { target, .. } => self.now(&format!("waiting for {target}")),
            Event::Note { text } => self.say(text),
            Event::RunStarted { .. } | Event::StepWaiting { .. } | _ => {}
        }
    }
}

fn shown(progress: &Progress) -> String {
    let Progress { unit, done, total, stage } = progress;
    if *unit == ProgressUnit::Bytes {
        let of = total.map(|total| format!(" of {}", HumanBytes(total))).unwrap_or_default();
        let stage = stage.as_deref().map(|stage| format!("{stage}, ")).unwrap_or_default();
        return format!("{stage}{}{of}", HumanBytes(*done));
    }
    let unit = match unit {
        ProgressUnit::Seconds => " s",
        ProgressUnit::Items | _ => "",
    };
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    let stage = stage.as_deref().map(|stage| format!("{stage}, ")).unwrap_or_default();
    format!("{stage}{done}{of}{unit}")
}

impl Drop for Console {
    fn drop(&mut self) {
        self.done();
        if let Some(reminder) = &self.reminder {
            reminder.abort();
        }
    }
}

/// How a transfer is shown on a terminal.
const TRANSFER: &str = "{msg}   {bar:24}   {bytes} / {total_bytes}   {bytes_per_sec}   {eta} left";

impl State {
    /// Shows how far a transfer has come: a bar for `name` on a terminal, `text` elsewhere.
    fn transfer(&mut self, terminal: bool, (name, text): (&str, &str), done: u64, total: u64) {
        let shown = self.bar.as_ref().is_some_and(|bar| bar.length() == Some(total));
        self.now = Some(printable(text).into_owned());
        if !shown && terminal {
            self.end();
            let style = ProgressStyle::with_template(TRANSFER);
            let bar = ProgressBar::new(total).with_message(printable(name).into_owned());
            self.bar = Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn begin(&mut self, terminal: bool, text: &str) {
        self.end();
        let text = printable(text).into_owned();
        self.now = Some(text.clone());
        if terminal {
            let bar = ProgressBar::new_spinner().with_message(text);
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} … {took}") {
                // As in the last line, whose seconds have a fraction only below 10.
                let took = |state: &ProgressState, f: &mut dyn fmt::Write| {
                    let whole = Duration::from_secs(state.elapsed().as_secs());
                    let _ = f.write_str(&seconds(whole).replace(".0 s", " s"));
                };
                bar.set_style(style.with_key("took", took));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bar = Some(bar);
        }
    }

    fn end(&mut self) {
        self.now = None;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

async fn remind(state: Arc<Mutex<State>>) {
    loop {
        tokio::time::sleep(REMIND).await;
        let now = state.lock().unwrap_or_else(PoisonError::into_inner).now.clone();
        if let Some(now) = now {
            drop(writeln!(io::stderr().lock(), "  …  {now}: still going"));
        }
    }
}

/// `0.4 s`, `21 s`, `1 min 52 s`.
pub(crate) fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole >= 60 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else if whole >= 10 {
        format!("{whole} s")
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}
