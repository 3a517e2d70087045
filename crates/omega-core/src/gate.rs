//! Facts that must hold before a change or after it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Failure, Subject};

/// A read-only question about the world.
///
/// A prerequisite is always asked, never remembered. `Err` means that the question could not be
/// asked, or that the operator's request is refused ([`crate::FailureClass::Refused`]); [`Verdict::Fail`]
/// means that the answer is no. They are never mixed.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Returns what is asked about.
    fn subject(&self) -> Subject;

    /// Asks. It MUST NOT write.
    async fn check(&self) -> Result<Verdict, Failure>;
}

/// The answer to a [`Gate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The fact holds.
    Pass {
        /// What shows it, in one line.
        evidence: String,
    },
    /// It does not.
    Fail {
        /// What was found instead.
        why: String,
        /// What the operator can do about it.
        next: Option<String>,
    },
    /// It cannot hold or fail yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
}
