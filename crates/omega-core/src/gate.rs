//! Facts that must hold before or after a change, and what a run waits for between steps.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Evidence, Failure, Finding, PollPolicy, Subject};

/// The name of a check, and the decisions that it checks. A list of all checks is made of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckRule {
    /// Its name, which is never renamed.
    pub name: &'static str,
    /// The decisions (`D-042`); often none.
    pub decisions: &'static [&'static str],
}

impl CheckRule {
    /// Returns the rule `name`.
    pub const fn new(name: &'static str, decisions: &'static [&'static str]) -> Self {
        Self { name, decisions }
    }

    /// Returns a finding of this rule that must be fixed, with the first of its decisions.
    pub fn finding(self, subject: Subject, summary: impl Into<String>) -> Finding {
        let finding = Finding::broken(self.name, subject, summary);
        match self.decisions.first() {
            Some(decision) => finding.decision(decision),
            None => finding,
        }
    }
}

/// A read-only check of a fact.
///
/// A prerequisite is always checked, never remembered. `Err` means that the check could not be
/// made, or that the operator's request is refused ([`crate::FailureClass::Refused`]);
/// [`Verdict::Fail`] means that the fact does not hold. The two are never mixed.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Returns the rule's name, which is never renamed. With the target it is the gate's identity.
    fn rule(&self) -> &'static str;

    /// Returns what is checked.
    fn subject(&self) -> Subject;

    /// Returns whether it is about the state before the changes only, which they change themselves (free
    /// quota). Once they are made it is not checked again.
    fn is_only_before(&self) -> bool {
        false
    }

    /// Checks once. It MUST NOT write, and MUST NOT wait for the answer to change: use a [`Wait`]
    /// for that.
    async fn check(&self) -> Result<Verdict, Failure>;
}

/// The result of a [`Gate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// The fact holds.
    Pass {
        /// What shows it.
        #[serde(deserialize_with = "facts")]
        #[cfg_attr(feature = "schema", schemars(with = "Vec<Evidence>"))]
        evidence: Vec<Evidence>,
    },
    /// The fact does not hold, or may not. Only a finding that something is broken stops a run; a
    /// warning, or that it is not known, is reported.
    Fail(Box<Finding>),
    /// The check can't be made yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
}

/// Reads evidence. Plans of version 1 have it as one sentence.
fn facts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Evidence>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Recorded {
        Facts(Vec<Evidence>),
        Sentence(String),
    }
    Ok(match Recorded::deserialize(from)? {
        Recorded::Facts(facts) => facts,
        Recorded::Sentence(sentence) => vec![Evidence::sentence(sentence)],
    })
}

impl Verdict {
    /// Returns that the fact holds, shown by `evidence`.
    pub fn shown(evidence: impl IntoIterator<Item = Evidence>) -> Self {
        Self::Pass { evidence: evidence.into_iter().collect() }
    }

    /// Returns a failure.
    pub fn fail(finding: Finding) -> Self {
        Self::Fail(Box::new(finding))
    }

    /// Returns that the check can't be made before `until`.
    pub fn deferred(until: impl Into<String>) -> Self {
        Self::Deferred { until: until.into() }
    }
}

/// Something that a run waits for between two steps, because other programs have to act. Only the
/// run polls it; a plan looks once.
#[async_trait]
pub trait Wait: Send + Sync {
    /// Returns the rule's name, like that of a gate.
    fn rule(&self) -> &'static str;

    /// Returns what is waited for.
    fn subject(&self) -> Subject;

    /// Returns how often and how long to look.
    fn policy(&self) -> PollPolicy;

    /// Looks once. It MUST NOT write.
    async fn look(&self) -> Result<WaitState, Failure>;

    /// Returns what happens at the deadline: the run fails, or the next step takes over.
    fn when_late(&self) -> WhenLate {
        WhenLate::Fail
    }
}

/// The state of a [`Wait`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitState {
    /// Done.
    Reached {
        /// What shows it.
        evidence: Vec<Evidence>,
    },
    /// Not yet.
    Pending {
        /// What is missing.
        until: String,
    },
    /// There is nothing to wait for yet, because something else has to happen first: it is skipped.
    Deferred {
        /// What has to happen first.
        until: String,
    },
}

/// What happens if a [`Wait`] takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLate {
    /// The run fails: the deadline passed.
    Fail,
    /// The run goes on: the next step takes over.
    GoOn,
}
