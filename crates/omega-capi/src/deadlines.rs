use std::time::Duration;

/// How long a request to the management cluster may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To connect.
    pub connect: Duration,
    /// Between two reads of a response, and for TLS once there is a connection.
    pub read: Duration,
    /// For the whole request.
    pub total: Duration,
}

impl Default for Deadlines {
    /// 5 s, 10 s and 15 s. Discovery takes milliseconds, or a few seconds while an API server starts.
    fn default() -> Self {
        let [connect, read, total] = [5, 10, 15].map(Duration::from_secs);
        Self { connect, read, total }
    }
}

impl Deadlines {
    /// Returns the deadlines for questions that are answered within `ask`, on connections that are there
    /// within `connect`. A third of the first is the most for the second: what is left tells whether a
    /// server that has been reached answers.
    pub fn within(connect: Duration, ask: Duration) -> Self {
        Self { connect: connect.min(ask / 3), read: ask, total: ask }
    }

    /// Returns the limit for a connection with TLS. A server that takes connections and hangs needs
    /// longer than one that can't be reached, so that it is reported as what it is.
    pub(crate) fn secured(&self) -> Duration {
        (2 * self.connect).min(self.read)
    }
}
