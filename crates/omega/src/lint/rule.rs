//! What a rule is, apart from its check.

use omega_core::{Finding, Severity, Subject};

/// What is wrong, how much it matters, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its name. Scripts depend on it, so it is never renamed.
    pub id: &'static str,
    /// The decision that it checks.
    pub decision: Option<&'static str>,
    /// How much it matters.
    pub severity: Severity,
    /// Why it matters, in one sentence.
    pub reason: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}

impl Rule {
    pub(crate) fn finding(&self, subject: Subject, summary: &str, remedy: &str) -> Finding {
        let finding = Finding::broken(self.id, subject, summary)
            .severity(self.severity)
            .remedy(remedy)
            .source(self.source);
        match self.decision {
            Some(decision) => finding.decision(decision),
            None => finding,
        }
    }
}
