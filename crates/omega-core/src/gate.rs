//! Facts that must hold before a change or after it, and what a run waits for in between.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Evidence, Failure, Finding, PollPolicy, Subject};

/// A read-only question about the world.
///
/// A prerequisite is always asked, never remembered. `Err` means that the question could not be
/// asked, or that the operator's request is refused ([`crate::FailureClass::Refused`]);
/// [`Verdict::Fail`] means that the answer is no. They are never mixed.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Returns the rule's name: an interface, never renamed. With the target it is the identity.
    fn rule(&self) -> &'static str;

    /// Returns what is asked about.
    fn subject(&self) -> Subject;

    /// Asks, once. It MUST NOT write, and MUST NOT wait for the answer to change: that is what a
    /// [`Wait`] is for.
    async fn check(&self) -> Result<Verdict, Failure>;
}

/// The answer to a [`Gate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// The fact holds.
    Pass {
        /// What shows it.
        evidence: Vec<Evidence>,
    },
    /// It does not.
    Fail(Box<Finding>),
    /// It cannot hold or fail yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
}

impl Verdict {
    /// Returns that the fact holds, shown by `evidence`.
    pub fn shown(evidence: impl IntoIterator<Item = Evidence>) -> Self {
        Self::Pass { evidence: evidence.into_iter().collect() }
    }

    /// Returns that the fact does not hold.
    pub fn fail(finding: Finding) -> Self {
        Self::Fail(Box::new(finding))
    }

    /// Returns that it can't be answered before `until`.
    pub fn deferred(until: impl Into<String>) -> Self {
        Self::Deferred { until: until.into() }
    }
}

/// Something that the run waits for between two steps: others have to act. Polled by the run only,
/// and looked at once in a plan.
#[async_trait]
pub trait Wait: Send + Sync {
    /// Returns the rule's name, as a gate's.
    fn rule(&self) -> &'static str;

    /// Returns what is waited for.
    fn subject(&self) -> Subject;

    /// Returns how often and how long to look.
    fn policy(&self) -> PollPolicy;

    /// Looks, once. It MUST NOT write.
    async fn look(&self) -> Result<WaitState, Failure>;

    /// Returns what it means that the time is over: an error, or that the next step has to do it.
    fn when_late(&self) -> WhenLate {
        WhenLate::Fail
    }
}

/// What a look at a [`Wait`] showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitState {
    /// It is so.
    Reached {
        /// What shows it.
        evidence: Vec<Evidence>,
    },
    /// Not yet.
    Pending {
        /// What is missing.
        until: String,
    },
    /// There is nothing to wait for before something else: no time is spent.
    Deferred {
        /// Before what.
        until: String,
    },
}

/// What it means that a [`Wait`] took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLate {
    /// The run stops with a deadline.
    Fail,
    /// The run goes on: what was waited for is done by the next step.
    GoOn,
}
