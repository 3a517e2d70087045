use std::time::Duration;

use omega_core::{Retry, Touched};
use tokio::time::{Instant, timeout_at};

use super::SshTarget;
use crate::{
    Error,
    channel::{SshServer, SshStage, Stage},
};

/// One machine of a connection, the target or a jump host, and the deadline that all of them share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop<'a> {
    pub(super) target: &'a SshTarget,
    jump: bool,
    within: Duration,
    pub(super) until: Instant,
}

impl<'a> Hop<'a> {
    pub(crate) fn new(target: &'a SshTarget, within: Duration) -> Self {
        Self { target, jump: false, within, until: Instant::now() + within }
    }

    /// The jump host before it.
    pub(super) fn before(self, target: &'a SshTarget) -> Self {
        Self { target, jump: true, ..self }
    }

    pub(super) fn server(&self) -> SshServer {
        let SshTarget { host, port, .. } = self.target;
        SshServer { host: host.clone(), port: *port, jump: self.jump }
    }

    /// `[jump host ]user@host`.
    pub(super) fn label(&self) -> String {
        format!("{}{}", if self.jump { "jump host " } else { "" }, self.target.label())
    }

    /// Waits for `stage`. `at` tells which one it was if the deadline passes.
    pub(super) async fn wait<T>(
        &self,
        stage: impl Future<Output = T>,
        at: impl FnOnce() -> SshStage,
    ) -> Result<T, Error> {
        let done = timeout_at(self.until, stage).await;
        done.map_err(|_| self.late(at()))
    }

    pub(super) fn late(&self, at: SshStage) -> Error {
        late(&self.target.label(), self.server(), at, self.within)
    }

    pub(super) fn unreachable(&self, why: &str, next: Option<String>) -> Error {
        Error::Unreachable {
            unit: self.label(),
            via: "ssh".to_owned(),
            why: why.to_owned(),
            next,
            touched: Touched::Nothing,
            retry: Retry::Transient,
        }
    }
}

/// Returns that an SSH server did not answer, before a command was sent.
pub(super) fn late(unit: &str, server: SshServer, at: SshStage, after: Duration) -> Error {
    let (unit, stage) = (unit.to_owned(), Stage::Ssh { server, at });
    Error::Deadline { unit, stage, after, touched: Touched::Nothing }
}
