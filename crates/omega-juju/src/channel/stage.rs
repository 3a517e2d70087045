use std::{fmt, path::PathBuf, time::Duration};

use omega_core::Touched;

/// The stage that a remote execution had reached when its deadline passed: what did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// An SSH server, before a command was sent.
    Ssh {
        /// The server: the machine itself, or its jump host.
        server: SshServer,
        /// What was waited for.
        at: SshStage,
    },
    /// The program juju on this machine, which was killed.
    Juju {
        /// Its command (`status`, `exec`).
        command: String,
    },
    /// The task of `juju exec`: juju itself gave up waiting for it.
    JujuTask,
    /// The command on the machine.
    Agent,
}

/// What an SSH server was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SshStage {
    /// The TCP connection.
    Tcp,
    /// The banner, the first line that a server sends.
    Banner,
    /// The key exchange.
    KeyExchange,
    /// The agent on this machine, which is to list its keys.
    Agent {
        /// Its socket.
        socket: PathBuf,
    },
    /// The answer to a login.
    Login {
        /// The user.
        user: String,
        /// The socket of the agent, if one of its keys was offered.
        agent: Option<PathBuf>,
    },
    /// The connection from a jump host to the next machine.
    Tunnel {
        /// The next machine.
        to: SshServer,
    },
    /// A session for a command.
    Session,
}

/// An SSH server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SshServer {
    /// Host name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is a jump host on the way to the machine.
    pub jump: bool,
}

impl fmt::Display for SshServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, jump } = self;
        write!(f, "{}{host} port {port}", if *jump { "jump host " } else { "" })
    }
}

impl Stage {
    /// Returns what did not happen within `after`. `unit`: for what.
    pub(crate) fn late(&self, unit: &str, after: Duration) -> String {
        let what = match self {
            Self::Ssh { server, at } => at.missing(server),
            Self::Juju { command } => {
                return format!(
                    "juju {command} ({unit}) did not end within {after:?} and was killed"
                );
            }
            Self::JujuTask => format!("{unit} did not finish the task of juju exec"),
            Self::Agent => format!("the command on {unit} did not end"),
        };
        format!("{what} within {after:?}")
    }

    /// Returns what to do next. `touched`: whether an action may have been sent.
    pub(crate) fn next(&self, unit: &str, touched: Touched) -> String {
        let unchanged = touched == Touched::Nothing;
        match self {
            Self::Ssh { server, at } => {
                format!("nothing was changed. {}, then run this again", at.check(server))
            }
            Self::Juju { .. } if unchanged => {
                "nothing was changed. Check that the controller answers (juju controllers --refresh), \
                 then run this again"
                    .to_owned()
            }
            Self::Juju { command } => format!(
                "what juju {command} was to do may have been done, or may still be running: check that \
                 before you run it again, and that the controller answers (juju controllers --refresh)"
            ),
            Self::JujuTask | Self::Agent if unchanged => format!(
                "nothing was changed: a probe that still runs on {unit} only reads, without harm. Look \
                 for a running hook or a high load, then run this again"
            ),
            Self::JujuTask | Self::Agent => format!(
                "the command may still be running on {unit}: check that before you run it again"
            ),
        }
    }
}

impl SshStage {
    /// As in "... within 20s".
    fn missing(&self, server: &SshServer) -> String {
        match self {
            Self::Tcp => format!("{server} did not answer the TCP connection"),
            Self::Banner => {
                format!("{server} accepted the TCP connection, but sent no SSH banner")
            }
            Self::KeyExchange => {
                format!("{server} sent its SSH banner, but did not finish the key exchange")
            }
            Self::Agent { socket } => format!(
                "the SSH agent {} on this machine did not list its keys (for {server})",
                socket.display()
            ),
            Self::Login { user, agent: None } => {
                format!("{server} did not answer the login as {user}")
            }
            Self::Login { user, agent: Some(socket) } => format!(
                "the login as {user} to {server}, with a key of the agent {}, did not end",
                socket.display()
            ),
            Self::Tunnel { to } => format!("{server} did not open a connection to {to}"),
            Self::Session => format!("{server} did not open a session"),
        }
    }

    /// What to check. `server` is reached by hand with `ssh -v`.
    fn check(&self, server: &SshServer) -> String {
        let SshServer { host, port, .. } = server;
        match self {
            Self::Tcp => format!("Check address, port and network path to {host}"),
            Self::Banner => format!(
                "Check with ssh -v -p {port} {host}: either the machine is overloaded or its sshd \
                 hangs, or something that is not sshd listens there"
            ),
            Self::KeyExchange => format!(
                "Check with ssh -v -p {port} {host}: a path that drops large packets is a common \
                 cause (compare the MTUs), an overloaded machine another"
            ),
            Self::Agent { .. } => "Check the agent with ssh-add -l".to_owned(),
            Self::Login { agent: None, .. } => format!(
                "Check with ssh -v -p {port} {host}: sshd may be waiting for a directory service \
                 (PAM, LDAP) or for DNS"
            ),
            Self::Login { agent: Some(_), .. } => format!(
                "Check whether the agent waits for a confirmation or for the touch of a security \
                 key; or with ssh -v -p {port} {host} whether sshd waits for a directory service"
            ),
            Self::Tunnel { to } => format!(
                "Check on {server} whether it reaches {to} (security group, firewall, routing)"
            ),
            Self::Session => {
                format!("Check the load of {host} and its sshd (ssh -v -p {port} {host})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_secs(20);

    fn server(host: &str, port: u16, jump: bool) -> SshServer {
        SshServer { host: host.to_owned(), port, jump }
    }

    /// Each stage says what did not answer, and for how long; only a command on the machine is one.
    #[test]
    fn what_did_not_answer_is_named() {
        let unit = server("10.0.0.5", 22, false);
        let jump = server("10.1.0.1", 2222, true);
        let agent = || PathBuf::from("/run/agent");
        let user = || "ubuntu".to_owned();
        let ssh = |server: &SshServer, at| Stage::Ssh { server: server.clone(), at };
        let shown = [
            ssh(&unit, SshStage::Tcp),
            ssh(&jump, SshStage::Banner),
            ssh(&unit, SshStage::KeyExchange),
            ssh(&unit, SshStage::Agent { socket: agent() }),
            ssh(&unit, SshStage::Login { user: user(), agent: None }),
            ssh(&unit, SshStage::Login { user: user(), agent: Some(agent()) }),
            ssh(&jump, SshStage::Tunnel { to: unit.clone() }),
            ssh(&unit, SshStage::Session),
            Stage::Juju { command: "exec".to_owned() },
            Stage::JujuTask,
            Stage::Agent,
        ]
        .map(|stage| {
            let next = stage.next("magnum/0", Touched::Nothing);
            assert!(next.contains("nothing was changed"), "{next}");
            let probe = matches!(stage, Stage::Agent | Stage::JujuTask);
            assert_eq!(next.contains("probe that still runs"), probe, "{next}");
            format!("{}\n  {next}", stage.late("magnum/0", LATE))
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    /// What an action left is not known, whether juju or the machine did not answer.
    #[test]
    fn only_an_action_may_have_changed_something_at_its_deadline() {
        for stage in [Stage::Juju { command: "ssh".to_owned() }, Stage::Agent] {
            let next = stage.next("magnum/0", Touched::Maybe);
            assert!(next.contains("check that before you run it again"), "{next}");
        }
    }
}
