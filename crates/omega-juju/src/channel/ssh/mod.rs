//! SSH without an external program: one connection for all probes and actions.

mod connect;
mod execute;
mod hop;
mod known_hosts;
mod listening;
mod login;
mod server_key;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{Touched, run::HeldLock};
use russh::client::Msg;
use tokio::sync::{Mutex, Semaphore};

use self::connect::Connection;
#[cfg(feature = "sim")]
pub(crate) use self::known_hosts::KnownHosts;
pub use self::{known_hosts::host_keys, login::check_identity};
use super::Deadlines;
use crate::{
    Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply,
    agent::{Output, Request, done, from_stdin, lock, quoted, replies},
};

/// How many executions share a connection at a time. OpenSSH allows ten (`MaxSessions`).
const SESSIONS: usize = 8;

/// How to connect to a machine.
#[derive(Clone, Debug)]
pub struct SshTarget {
    /// Host name or address.
    pub host: String,
    /// Port; 22.
    pub port: u16,
    /// The user: root, or a user with `sudo` without a password.
    pub user: String,
    /// Private key files, tried in order.
    pub identities: Vec<PathBuf>,
    /// The socket of an ssh-agent, whose keys are tried after the files.
    pub agent: Option<PathBuf>,
    /// The `known_hosts` files. A host without a record is refused.
    pub known_hosts: Vec<PathBuf>,
    /// The jump host.
    pub jump: Option<Box<SshTarget>>,
}

impl SshTarget {
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.user, self.address())
    }

    /// The host, with the port if it is not 22, as in `known_hosts`.
    pub(crate) fn address(&self) -> String {
        match self.port {
            22 => self.host.clone(),
            port => format!("[{}]:{port}", self.host),
        }
    }
}

/// A unit's machine by SSH.
pub struct Ssh {
    target: SshTarget,
    deadlines: Deadlines,
    connection: Mutex<Option<Arc<Connection>>>,
    sessions: Semaphore,
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssh").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Ssh {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// Fails if the machine can't be reached, its host key is not the known one, or it refuses the
    /// credentials.
    pub async fn connect(target: SshTarget, deadlines: Deadlines) -> Result<Self, Error> {
        let ssh = Self::lazy(target, deadlines);
        ssh.connection().await?;
        Ok(ssh)
    }

    /// Returns the channel, which connects when it is first used.
    pub fn lazy(target: SshTarget, deadlines: Deadlines) -> Self {
        let (connection, sessions) = (Mutex::new(None), Semaphore::new(SESSIONS));
        Self { target, deadlines, connection, sessions }
    }

    #[cfg(test)]
    pub(crate) fn over(target: SshTarget, deadlines: Deadlines, connection: Connection) -> Self {
        let ssh = Self::lazy(target, deadlines);
        Self { connection: Mutex::new(Some(Arc::new(connection))), ..ssh }
    }

    /// Returns the connection, and whether it was there before.
    async fn connection(&self) -> Result<(Arc<Connection>, bool), Error> {
        let mut held = self.connection.lock().await;
        if let Some(open) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok((Arc::clone(open), true));
        }
        let fresh = Arc::new(Connection::open(&self.target, self.deadlines.connect).await?);
        *held = Some(Arc::clone(&fresh));
        Ok((fresh, false))
    }

    /// Makes the next execution open a new connection.
    async fn forget(&self, connection: &Arc<Connection>) {
        let mut held = self.connection.lock().await;
        if held.as_ref().is_some_and(|other| Arc::ptr_eq(other, connection)) {
            *held = None;
        }
    }

    /// Opens a session. A connection that was lost since it was last used is opened anew: nothing was sent yet.
    async fn session(
        &self,
        within: Duration,
    ) -> Result<(Arc<Connection>, russh::Channel<Msg>), Error> {
        let (mut connection, kept) = self.connection().await?;
        let mut session = connection.session(within).await;
        if kept && matches!(session, Err(Error::Unreachable { .. })) {
            self.forget(&connection).await;
            connection = self.connection().await?.0;
            session = connection.session(within).await;
        }
        match session {
            Ok(session) => Ok((connection, session)),
            Err(error) => {
                self.forget(&connection).await;
                Err(error)
            }
        }
    }

    async fn run(&self, request: &Request, touched: Touched) -> Result<Output, Error> {
        let mut args = from_stdin();
        if self.target.user != "root" {
            args.splice(0..0, ["sudo", "-n"].map(String::from));
        }
        let within = match touched {
            Touched::Nothing => self.deadlines.ask(),
            Touched::Maybe => self.deadlines.act,
        };
        let stdin = request.stdin();
        let _permit = self.sessions.acquire().await;
        let (connection, session) = self.session(within).await?;
        let result = connection.execute(session, &quoted(&args), &stdin, within, touched).await;
        if result.is_err() {
            self.forget(&connection).await;
        }
        result
    }
}

#[async_trait]
impl Channel for Ssh {
    fn name(&self) -> String {
        match &self.target.jump {
            Some(jump) => format!("ssh {} through {}", self.target.label(), jump.label()),
            None => format!("ssh {}", self.target.label()),
        }
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let request = Request::ask(probes, self.deadlines.probe);
        let output = self.run(&request, Touched::Nothing).await?;
        replies(&self.target.label(), &output, &request.nonce, probes)
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        let request = Request::act(action, payload, self.deadlines.act_there(), fence);
        let output = self.run(&request, Touched::Maybe).await?;
        done(&self.target.label(), &output, &request.nonce)
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let request = Request::lock(request);
        let output = self.run(&request, Touched::Nothing).await?;
        lock(&self.target.label(), &output, &request.nonce)
    }
}

#[cfg(test)]
mod tests;
