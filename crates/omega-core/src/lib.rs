//! Typed, idempotent operations: observe, diff, apply, verify.
//!
//! A [`Desired`] value describes what should be true. [`plan`] compares it with the current state and
//! changes nothing; [`ensure`] also makes it true, and verifies that by observing again. A
//! [`TargetPlan`] has many of them, and the checks between them, in the order of a runbook.
//!
//! This crate does not print, prompt, read the environment, or speak to a network.

mod context;
mod delta;
mod desired;
mod ensure;
mod event;
mod failure;
mod failure_class;
mod finding;
mod gate;
mod join_at_most;
mod journal;
pub mod kubeconfig;
mod library_words;
mod lock;
mod masked_line;
mod nearest_name;
mod patience;
mod pem;
mod persist;
mod private_key;
pub mod pyyaml;
pub mod read_only;
pub mod run;
mod runbook;
mod shell_word;
mod step;
mod step_with_proof;
mod target_run;
mod temporary;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tls;
pub mod values;
mod wait;

pub use context::{CancelReason, CancelToken, Clock, Context, GRACE};
pub use delta::{ChangeKind, Delta, Describe, Diff};
pub use desired::{Conflict, Desired, Label, Note, Subject};
pub use ensure::{Outcome, Plan, ensure, plan};
pub use event::{Event, EventSink, NoEvents, Progress, ProgressUnit, StepId};
pub use failure::{Diagnostic, EnsureError, Failure, Retry, Touched, chain, without_numbers};
pub use failure_class::FailureClass;
pub use finding::{Evidence, Finding, Observation, Severity};
pub use gate::{CheckRule, Gate, Verdict, Wait, WaitState, WhenLate};
pub use join_at_most::join_at_most;
pub use journal::{Entry, FileJournal, Journal, JournalError, MemoryJournal, NoJournal, Undo};
pub use library_words::{json_words, shown_address, url_words};
pub use lock::{Lock, LockError};
pub use masked_line::{is_secret_name, masked_line};
pub use nearest_name::nearest_name;
pub use patience::patiently;
pub use persist::{
    open_regular, persist, persist_all, persist_as, private_directory, read_input, read_regular,
    remove_abandoned, sync_parent,
};
pub use read_only::{ClientMode, WriteRefused};
pub use runbook::{
    Item, ItemPreview, ItemState, Section, SectionPreview, TargetKind, TargetPlan, TargetPreview,
    preview,
};
pub use shell_word::shell_word;
pub use step::{Approval, Preview, Step, StepDone, step};
pub use step_with_proof::step_with_proof;
pub use target_run::{ItemOutcome, ItemReport, Run, TargetReport};
pub use temporary::{leftovers, with_temporary};
pub use wait::{And, Check, Condition, Or, PollPolicy, TimedOut, WaitError, wait_for};
