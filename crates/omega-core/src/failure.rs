//! Errors as an operator needs them: what failed, expected, found, changed, next.

use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Conflict, FailureClass, GRACE, JournalError};

/// Whether a failed run may have changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Touched {
    /// Nothing: the failure came before the first write, or the write was rejected as a whole.
    Nothing,
    /// Unknown: a write was sent and its outcome was not verified.
    Maybe,
}

/// What a backend's error knows beyond its message. Everything is optional.
pub trait Diagnostic: Error {
    /// Returns what was expected.
    fn expected(&self) -> Option<String> {
        None
    }
    /// Returns what was found instead.
    fn found(&self) -> Option<String> {
        None
    }
    /// Returns what the operator can do about it.
    fn next(&self) -> Option<String> {
        None
    }
    /// Returns whether the failed call, if it was a write, may have had an effect.
    fn touched(&self) -> Touched {
        Touched::Maybe
    }
    /// Returns whether a deadline passed.
    fn timed_out(&self) -> bool {
        false
    }
    /// Returns whether the call ended because the run was cancelled.
    fn cancelled(&self) -> bool {
        false
    }
    /// Returns whether another run holds the lock that the write needs.
    fn locked(&self) -> bool {
        false
    }
    /// Returns whether omega itself refused it: nothing was sent.
    fn refused(&self) -> bool {
        false
    }
    /// Returns the same as data, for programs.
    fn detail(&self) -> Option<serde_json::Value> {
        None
    }
    /// Returns whether the same read may succeed a moment later. Every error decides this where it is
    /// defined; it is never guessed from the text.
    fn retry(&self) -> Retry;
}

/// Whether the same read may succeed a moment later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Retry {
    /// It may: no answer arrived, or the service is busy or failing.
    Transient,
    /// It will not: the answer is definite.
    Final,
}

impl Diagnostic for std::convert::Infallible {
    fn retry(&self) -> Retry {
        match *self {}
    }
}

impl<E: Diagnostic + 'static> Diagnostic for EnsureError<E> {
    fn retry(&self) -> Retry {
        match self {
            Self::Observe { source, .. } => source.retry(),
            Self::Conflict { .. }
            | Self::Stale { .. }
            | Self::Apply { .. }
            | Self::NotSettled { .. }
            | Self::Cancelled { .. }
            | Self::Abandoned { .. }
            | Self::LeftBehind { .. }
            | Self::Journal { .. } => Retry::Final,
        }
    }
    fn cancelled(&self) -> bool {
        match self {
            Self::Cancelled { .. } | Self::Abandoned { .. } => true,
            Self::Observe { source, .. } | Self::Apply { source, .. } => source.cancelled(),
            Self::LeftBehind { source, .. } => source.cancelled(),
            Self::Conflict { .. }
            | Self::Stale { .. }
            | Self::NotSettled { .. }
            | Self::Journal { .. } => false,
        }
    }
}

/// A failure is an error in the form that is shown to a person. It still knows whether it is transient.
impl Diagnostic for Failure {
    fn expected(&self) -> Option<String> {
        self.expected.clone()
    }
    fn found(&self) -> Option<String> {
        self.found.clone()
    }
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
    fn touched(&self) -> Touched {
        self.touched
    }
    fn timed_out(&self) -> bool {
        self.class == FailureClass::Deadline
    }
    fn cancelled(&self) -> bool {
        self.class == FailureClass::Interrupted
    }
    fn locked(&self) -> bool {
        self.class == FailureClass::Locked
    }
    fn refused(&self) -> bool {
        self.class == FailureClass::Refused
    }
    fn detail(&self) -> Option<serde_json::Value> {
        self.detail.clone()
    }
    fn retry(&self) -> Retry {
        self.retry
    }
}

/// Why a desired state was not reached. The variant is the stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsureError<E: Error + 'static> {
    /// Reading the state failed.
    #[error("could not read {subject}")]
    Observe {
        /// What was being observed, and where.
        subject: String,
        /// Whether something was written before.
        touched: Touched,
        /// The backend's error.
        source: E,
    },
    /// The operation refused.
    #[error("{} {subject}", refused(*touched))]
    Conflict {
        /// What was refused, and where.
        subject: String,
        /// Whether something was written before.
        touched: Touched,
        /// The reason.
        source: Conflict,
    },
    /// The state changed between planning and applying.
    #[error("the plan for {subject} is stale: {why}")]
    Stale {
        /// What the plan was for, and where.
        subject: String,
        /// What differs.
        why: String,
    },
    /// A write failed.
    #[error("could not change {subject} ({change})")]
    Apply {
        /// What was being changed, and where.
        subject: String,
        /// The rendered change.
        change: String,
        /// Whether this write, or one before it, may have had an effect.
        touched: Touched,
        /// The backend's error.
        source: E,
    },
    /// Written, but the effect was not visible in time; or the wait for other steps timed out.
    #[error("{subject} did not reach the desired state {}", late(*after, *stalled))]
    NotSettled {
        /// What was being waited for, and where.
        subject: String,
        /// How long was waited.
        after: Duration,
        /// Whether the wait ended for lack of progress.
        stalled: bool,
        /// What is still missing.
        why: String,
        /// Whether something was written before.
        touched: Touched,
    },
    /// The run was cancelled, between two writes or while waiting for the effect.
    #[error("stopped while changing {subject}")]
    Cancelled {
        /// What was being changed, and where.
        subject: String,
        /// Whether something was written before.
        touched: Touched,
    },
    /// The run's deadline passed during a write, and so did the time after it.
    #[error("stopped while changing {subject} ({change})")]
    Abandoned {
        /// What was being changed, and where.
        subject: String,
        /// The rendered change, which may have been made or not.
        change: String,
    },
    /// It failed half-way, and what was made could not be removed.
    #[error("{source}; a part of {subject} was left behind")]
    LeftBehind {
        /// What was left in part, and where.
        subject: String,
        /// Why it could not be removed.
        why: String,
        /// Why it failed.
        source: Box<Self>,
    },
    /// The journal could not be written.
    #[error("could not write the journal of the run")]
    Journal {
        /// Whether something was written before.
        touched: Touched,
        /// The cause.
        source: JournalError,
    },
}

impl<E: Error + 'static> EnsureError<E> {
    /// Returns how much the failed run may have written.
    pub fn touched(&self) -> Touched {
        match self {
            Self::Stale { .. } => Touched::Nothing,
            Self::LeftBehind { .. } | Self::Abandoned { .. } => Touched::Maybe,
            Self::Observe { touched, .. }
            | Self::Apply { touched, .. }
            | Self::Conflict { touched, .. }
            | Self::NotSettled { touched, .. }
            | Self::Cancelled { touched, .. }
            | Self::Journal { touched, .. } => *touched,
        }
    }

    /// Returns whether a write failed, nothing is left of it, and `what` holds of the error.
    pub(crate) fn is_cleaned(&self, what: impl FnOnce(&E) -> bool) -> bool {
        let Self::Apply { touched: Touched::Nothing, source, .. } = self else { return false };
        what(source)
    }

    /// Returns the same error, now that what was written is removed again.
    pub(crate) fn removed(mut self) -> Self {
        match &mut self {
            Self::Stale { .. } | Self::LeftBehind { .. } | Self::Abandoned { .. } => {}
            Self::Observe { touched, .. }
            | Self::Apply { touched, .. }
            | Self::Conflict { touched, .. }
            | Self::NotSettled { touched, .. }
            | Self::Cancelled { touched, .. }
            | Self::Journal { touched, .. } => *touched = Touched::Nothing,
        }
        self
    }
}

fn late(after: Duration, stalled: bool) -> String {
    if stalled {
        format!("and nothing changed for {after:.0?}")
    } else {
        format!("within {after:.0?}")
    }
}

/// What to do after an interruption.
const STOPPED: &str = "run the same command again: completed steps are not repeated";

/// A failure as a person sees it and as a report stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The kind of failure.
    pub class: FailureClass,
    /// What was being done, to what.
    pub message: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// Whether anything may have changed.
    pub touched: Touched,
    /// What to do next.
    pub next: Option<String>,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    /// Whether the same read may succeed a moment later.
    #[serde(default = "finally", skip_serializing)]
    pub retry: Retry,
    /// The same as data, for programs (a refusal's rules and remedies).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

fn finally() -> Retry {
    Retry::Final
}

impl Failure {
    /// Returns a failure before which nothing changed.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: without_numbers(&message.into()),
            expected: None,
            found: None,
            touched: Touched::Nothing,
            next: None,
            causes: Vec::new(),
            retry: Retry::Final,
            detail: None,
        }
    }

    /// Returns the failure `message`, caused by `error`, before which nothing changed.
    pub fn from_error(message: impl Into<String>, error: &dyn Diagnostic) -> Self {
        let class = FailureClass::of(error);
        Self {
            expected: error.expected(),
            found: error.found(),
            next: error.next(),
            causes: chain(error),
            retry: error.retry(),
            detail: error.detail(),
            ..Self::new(class, message)
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(without_numbers(&cause.into()));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Error for Failure {}

impl<E: Diagnostic + 'static> From<EnsureError<E>> for Failure {
    fn from(error: EnsureError<E>) -> Self {
        let base =
            Self { touched: error.touched(), ..Self::new(FailureClass::Error, error.to_string()) };
        let is_uncertain = matches!(&error, EnsureError::Apply { touched: Touched::Maybe, .. });
        match error {
            EnsureError::Apply { subject, source, .. }
            | EnsureError::Observe { subject, source, .. }
                if source.cancelled() =>
            {
                Self {
                    class: FailureClass::Interrupted,
                    message: format!("stopped while changing {subject}"),
                    next: Some(source.next().unwrap_or_else(|| STOPPED.to_owned())),
                    causes: chain(&source),
                    ..base
                }
            }
            EnsureError::Observe { source, .. } | EnsureError::Apply { source, .. } => Self {
                class: FailureClass::of(&source),
                expected: source.expected(),
                found: source.found(),
                next: if is_uncertain { Some(again(source.next())) } else { source.next() },
                causes: chain(&source),
                retry: source.retry(),
                detail: source.detail(),
                ..base
            },
            EnsureError::Conflict { source, .. } => Self {
                class: if source.unnamed { FailureClass::Usage } else { FailureClass::Refused },
                expected: source.expected,
                found: source.found,
                next: source.next,
                causes: vec![source.why],
                ..base
            },
            EnsureError::Stale { .. } => Self { class: FailureClass::Stale, ..base }
                .next("make a new plan, review it, and apply it"),
            EnsureError::NotSettled { why, .. } => {
                let class = FailureClass::Deadline;
                Self { class, found: Some(why), next: Some(again(None)), ..base }
            }
            EnsureError::Cancelled { .. } => {
                Self { class: FailureClass::Interrupted, ..base }.next(STOPPED)
            }
            EnsureError::Abandoned { change, .. } => Self {
                class: FailureClass::Interrupted,
                found: Some(format!("possibly changed: {change}")),
                causes: vec![format!(
                    "the write was under way when the command timed out, and not finished {GRACE:.0?} later"
                )],
                ..base
            }
            .next(again(None)),
            EnsureError::Journal { source, .. } => Self { causes: chain(&source), ..base },
            EnsureError::LeftBehind { subject, why, source } => {
                let first = Self::from(*source);
                Self { touched: Touched::Maybe, ..first }
                    .because(format!("what was made of {subject} could not be removed: {why}"))
                    .next("remove what is left behind: omega-cli runs sweep")
            }
        }
    }
}

/// Returns what to do after a write whose outcome is not known: whatever its cause, the next run reads the
/// state before it writes.
fn again(next: Option<String>) -> String {
    const AGAIN: &str = "run the same command again: it reads the state first";
    match next {
        Some(next) if next.contains("again") => next,
        Some(next) => format!("{next}; then {AGAIN}"),
        None => AGAIN.to_owned(),
    }
}

/// What is refused before the first write is not changed; after one it is, and not as it should be.
fn refused(touched: Touched) -> &'static str {
    match touched {
        Touched::Nothing => "refused to change",
        Touched::Maybe => "stopped after a change of",
    }
}

/// Returns `text` without the numbers that the standard library adds to the system's words
/// (`No such file or directory`).
pub fn without_numbers(text: &str) -> String {
    const NUMBER: &str = " (os error ";
    let mut parts = text.split(NUMBER);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => kept.push_str(rest),
            _ => {
                kept.push_str(NUMBER);
                kept.push_str(part);
            }
        }
    }
    kept
}

/// Returns the messages of `error` and of its sources, without immediate repetitions and without the
/// system's numbers of errors.
pub fn chain(error: &(dyn Error + '_)) -> Vec<String> {
    let mut causes = vec![without_numbers(&error.to_string())];
    let mut next = error.source();
    while let Some(error) = next {
        let text = without_numbers(&error.to_string());
        if causes.last().is_none_or(|last| !last.ends_with(&text)) {
            causes.push(text);
        }
        next = error.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_numbers_of_errors_are_not_shown() {
        let error = std::io::Error::from_raw_os_error(2);
        assert!(error.to_string().ends_with("(os error 2)"), "{error}");
        assert_eq!(chain(&error), ["No such file or directory"]);
        let failure =
            Failure::new(FailureClass::Error, format!("a: {error}: b")).because(error.to_string());
        assert_eq!(failure.message, "a: No such file or directory: b");
        assert_eq!(failure.causes, ["No such file or directory"]);
        for same in ["", "a (os error", "a (os error x) b", "a (b)"] {
            assert_eq!(without_numbers(same), same);
        }
    }

    /// After a write whose outcome is not known, the useful step is the same command once more.
    #[test]
    fn after_an_uncertain_write_the_next_step_is_to_run_it_again() {
        let failed = |touched, next: Option<&str>| {
            let source = Failure::new(FailureClass::Error, "POST timed out");
            let source = Failure { next: next.map(str::to_owned), ..source };
            let error = EnsureError::Apply {
                subject: "rule a".to_owned(),
                change: "+ rule".to_owned(),
                touched,
                source,
            };
            Failure::from(error).next
        };
        let look = "check the service, and the proxy in front of it";
        let again = "run the same command again: it reads the state first";
        assert_eq!(failed(Touched::Maybe, Some(look)), Some(format!("{look}; then {again}")));
        assert_eq!(failed(Touched::Maybe, None).as_deref(), Some(again));
        assert_eq!(failed(Touched::Nothing, Some(look)).as_deref(), Some(look));
        let said = "wait a minute, then try again";
        assert_eq!(failed(Touched::Maybe, Some(said)).as_deref(), Some(said));
    }
}
