//! How long an exchange with a service may take.

use std::time::Duration;

/// How long an exchange with a service may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// How long nothing may move, in the request or in its answer. An answer that is not streamed must be
    /// complete within twice this time.
    pub ask: Duration,
}

impl Default for Limits {
    /// 10 s and one minute.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), ask: Duration::from_mins(1) }
    }
}

impl Limits {
    /// Returns the limits for questions that are answered within `ask`, on connections that are there
    /// within `connect`. A third of the first is the most for the second: what is left tells whether a
    /// server that has been reached answers.
    pub fn within(connect: Duration, ask: Duration) -> Self {
        Self { connect: connect.min(ask / 3), ask }
    }

    /// Returns the limit for the whole of an exchange that is not streamed.
    pub(crate) fn total(self) -> Duration {
        self.ask.saturating_mul(2)
    }
}
