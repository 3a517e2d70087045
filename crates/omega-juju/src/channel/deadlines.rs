use std::time::Duration;

/// How long things may take. Every remote call has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until a connection is made and the credentials are accepted.
    pub connect: Duration,
    /// For each question; what is asked together is answered in parallel.
    pub probe: Duration,
    /// For one action. The longest are a package from a slow index and a restart of a daemon that
    /// does not answer SIGTERM (systemd waits 90 s by default).
    pub act: Duration,
}

/// What a remote execution may take beyond its questions: starting Python, some round trips.
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

    /// When the agent itself gives up on an action: before we do, so that it can say why.
    pub(crate) fn act_there(self) -> Duration {
        self.act.saturating_sub(OVERHEAD).max(self.act / 2)
    }
}
