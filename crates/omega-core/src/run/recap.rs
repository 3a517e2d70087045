use serde::{Deserialize, Serialize};

use crate::{
    FailureClass, Finding, ItemOutcome, ItemPreview, ItemState, Severity, TargetReport, Verdict,
};

/// Counts by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recap {
    /// Steps that need no change, and gates that hold.
    pub unchanged: usize,
    /// Steps that were changed.
    pub changed: usize,
    /// Changes that are pending.
    pub pending: usize,
    /// Steps that wait.
    pub waiting: usize,
    /// Gates that can't be checked yet.
    pub deferred: usize,
    /// Gates that failed.
    pub no: usize,
    /// Gates that found something which does not stop a run.
    #[serde(default, skip_serializing_if = "is_none")]
    pub warned: usize,
    /// Gates that could not tell, which does not stop a run.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unknown: usize,
    /// Refusals.
    pub refused: usize,
    /// Items that could not be read, or failed.
    pub failed: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Recap {
    /// Counts what was found.
    pub fn of<'a>(items: impl Iterator<Item = &'a ItemPreview>) -> Self {
        let mut recap = Self::default();
        for item in items {
            match &item.found {
                ItemState::Verdict(Verdict::Pass { .. }) => recap.unchanged += 1,
                ItemState::Verdict(Verdict::Deferred { .. }) => recap.deferred += 1,
                ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken() => recap.no += 1,
                ItemState::Verdict(Verdict::Fail(finding)) => recap.count_weak(finding),
                ItemState::Preview(preview) if preview.wait.is_some() => recap.waiting += 1,
                ItemState::Preview(preview) if preview.is_satisfied() => recap.unchanged += 1,
                ItemState::Preview(_) => recap.pending += 1,
                ItemState::Failed(failure) if failure.class == FailureClass::Refused => {
                    recap.refused += 1;
                }
                ItemState::Failed(_) => recap.failed += 1,
            }
        }
        recap
    }

    /// Counts a finding that stops no run.
    fn count_weak(&mut self, finding: &Finding) {
        if finding.severity == Severity::Unknown {
            self.unknown += 1;
        } else {
            self.warned += 1;
        }
    }

    /// Counts what was done.
    pub fn of_done(done: &[TargetReport]) -> Self {
        let mut recap = Self::default();
        for item in done.iter().flat_map(|target| &target.items) {
            match &item.outcome {
                ItemOutcome::Unchanged | ItemOutcome::Passed { .. } => recap.unchanged += 1,
                ItemOutcome::Changed => recap.changed += 1,
                ItemOutcome::Deferred { .. } => recap.deferred += 1,
                ItemOutcome::Warned(finding) => recap.count_weak(finding),
                ItemOutcome::Failed(failure) => match failure.class {
                    FailureClass::Refused => recap.refused += 1,
                    FailureClass::Gate => recap.no += 1,
                    FailureClass::Interrupted => {}
                    FailureClass::Error
                    | FailureClass::Stale
                    | FailureClass::Locked
                    | FailureClass::Partial
                    | FailureClass::Deadline
                    | FailureClass::Usage => recap.failed += 1,
                },
            }
        }
        recap
    }
}
