//! Typed, idempotent operations: observe, diff, apply, verify.
//!
//! A [`Desired`] value says what should be true. [`plan`] compares it with the world and changes
//! nothing; [`ensure`] also makes it true and proves it by looking again. A [`TargetPlan`] puts many of
//! them, and the questions between them, in the order of the runbook they replace.
//!
//! This crate does not print, prompt, read the environment, or speak to a network.

pub mod api_resources;
mod delta;
mod desired;
mod ensure;
mod failure;
mod gate;
mod journal;
pub mod kubeconfig;
mod lock;
mod persist;
mod runbook;
mod step;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod values;

pub use delta::{ChangeKind, Delta, Describe, Diff};
pub use desired::{Conflict, Desired, Label, Note, PollPolicy, Subject};
pub use ensure::{Outcome, Plan, ensure, plan};
pub use failure::{Diagnostic, EnsureError, Failure, FailureClass, Touched, chain};
pub use gate::{Gate, Verdict};
pub use journal::{Event, FileJournal, Journal, JournalError, MemoryJournal, NoJournal};
pub use lock::{Lock, LockError};
pub use persist::{open_regular, persist, read_regular};
pub use runbook::{
    CancelToken, Item, ItemOutcome, ItemPreview, ItemState, Observer, Progress, Run, Section,
    SectionPreview, TargetPlan, TargetPreview, TargetReport, preview,
};
pub use step::{Approval, Preview, Step, StepReport, step};
