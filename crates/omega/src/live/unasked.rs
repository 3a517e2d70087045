//! A check that can't be made.

use async_trait::async_trait;
use omega_core::{Failure, Gate, Subject, Verdict};

/// A check whose service the site file does not name, or that could not be prepared: it always fails with
/// the reason, so that its result is unknown and never good.
#[derive(Clone, Debug)]
pub(super) struct Unasked {
    pub(super) rule: &'static str,
    pub(super) subject: Subject,
    pub(super) failure: Failure,
}

#[async_trait]
impl Gate for Unasked {
    fn rule(&self) -> &'static str {
        self.rule
    }

    fn subject(&self) -> Subject {
        self.subject.clone()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        Err(self.failure.clone())
    }
}
