use std::time::Duration;

/// Deadlines of remote calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For connecting and logging in.
    pub connect: Duration,
    /// For each probe; a batch of probes runs in parallel.
    pub probe: Duration,
    /// For one action. The slowest are the download of a package and the restart of a daemon that
    /// ignores SIGTERM (systemd waits 90 s by default).
    pub act: Duration,
}

/// The overhead of a remote execution: starting Python, some round trips.
const OVERHEAD: Duration = Duration::from_secs(10);

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            probe: Duration::from_secs(30),
            act: Duration::from_mins(5),
        }
    }
}

impl Deadlines {
    pub(crate) fn ask(self) -> Duration {
        self.probe + OVERHEAD
    }

    /// The agent's own deadline for an action. It is shorter, so that the agent can report why.
    pub(crate) fn act_there(self) -> Duration {
        self.act.saturating_sub(OVERHEAD).max(self.act / 2)
    }
}
