//! SSH, without any other program: one connection, used for all that is asked and done.

mod connect;
mod execute;
mod known_hosts;
mod login;
mod server_key;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use omega_core::Touched;
use tokio::sync::{Mutex, Semaphore};

use self::connect::Connection;
use super::Deadlines;
use crate::{
    Action, Channel, Error, Payload, Probe, Reply,
    agent::{Output, Request, done, quoted, replies},
};

/// How many executions share a connection at a time. OpenSSH allows ten (`MaxSessions`).
const SESSIONS: usize = 8;

/// Where to, as whom, and what to trust.
#[derive(Clone, Debug)]
pub struct SshTarget {
    /// Host name or address.
    pub host: String,
    /// Port; 22.
    pub port: u16,
    /// The user. Unless it is root, it must be allowed `sudo` without a password.
    pub user: String,
    /// Private key files, tried in order.
    pub identities: Vec<PathBuf>,
    /// The socket of an ssh-agent, whose keys are tried after the files.
    pub agent: Option<PathBuf>,
    /// The `known_hosts` files. A host that is in none of them is refused.
    pub known_hosts: Vec<PathBuf>,
    /// The machine to go through.
    pub jump: Option<Box<SshTarget>>,
}

impl SshTarget {
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.user, self.address())
    }

    /// The host, with the port where it is not 22: as `known_hosts` has it.
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
    /// Fails if the machine can't be reached, is not the one on record, or refuses the keys.
    pub async fn connect(target: SshTarget, deadlines: Deadlines) -> Result<Self, Error> {
        let ssh = Self::lazy(target, deadlines);
        ssh.connection().await?;
        Ok(ssh)
    }

    /// Returns the channel without connecting: the first question will.
    pub fn lazy(target: SshTarget, deadlines: Deadlines) -> Self {
        let (connection, sessions) = (Mutex::new(None), Semaphore::new(SESSIONS));
        Self { target, deadlines, connection, sessions }
    }

    #[cfg(test)]
    pub(crate) fn over(target: SshTarget, deadlines: Deadlines, connection: Connection) -> Self {
        let ssh = Self::lazy(target, deadlines);
        Self { connection: Mutex::new(Some(Arc::new(connection))), ..ssh }
    }

    async fn connection(&self) -> Result<Arc<Connection>, Error> {
        let mut held = self.connection.lock().await;
        if let Some(living) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(Arc::clone(living));
        }
        let fresh = Arc::new(Connection::open(&self.target, self.deadlines.connect).await?);
        *held = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn run(&self, request: &Request, touched: Touched) -> Result<Output, Error> {
        let mut words = Request::words();
        if self.target.user != "root" {
            words.splice(0..0, ["sudo", "-n"].map(String::from));
        }
        let within = match touched {
            Touched::Nothing => self.deadlines.ask(),
            Touched::Maybe => self.deadlines.act,
        };
        let stdin = request.stdin();
        let _permit = self.sessions.acquire().await;
        let connection = self.connection().await?;
        let result = connection.execute(&quoted(&words), &stdin, within, touched).await;
        if result.is_err() {
            // Whatever state it is in, the next execution starts with a fresh one.
            let mut held = self.connection.lock().await;
            if held.as_ref().is_some_and(|other| Arc::ptr_eq(other, &connection)) {
                *held = None;
            }
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

    async fn act(&self, action: &Action, payload: Payload) -> Result<(), Error> {
        let request = Request::act(action, payload, self.deadlines.act_there());
        let output = self.run(&request, Touched::Maybe).await?;
        done(&self.target.label(), &output, &request.nonce)
    }
}

#[cfg(test)]
mod tests;
