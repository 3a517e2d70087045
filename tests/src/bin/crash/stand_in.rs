//! The parts of this program that run as processes of their own.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::sys::ptrace;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A call of `juju`, as the stand-in sends it to the simulators.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) args: Vec<String>,
    /// The standard input, in base64.
    stdin: String,
}

/// What the call prints.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Printed {
    pub(crate) status: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Call {
    pub(crate) fn stdin(&self) -> Vec<u8> {
        STANDARD.decode(&self.stdin).unwrap_or_default()
    }
}

/// Becomes `program`, followed by the process that started this one.
pub(crate) fn traced(program: &str, args: &[String]) -> Result<u8> {
    ptrace::traceme()?;
    #[expect(clippy::disallowed_methods, reason = "it becomes that program")]
    let mut command = Command::new(program);
    Err(command.args(args).exec().into())
}

/// Does what `juju` does, on the simulators behind `socket`. As there, a command gets all of the standard
/// input that arrived, whoever is gone meanwhile.
pub(crate) fn juju(socket: &str, args: &[String]) -> Result<u8> {
    let mut stdin = Vec::new();
    if args.first().is_some_and(|command| command == "ssh") {
        io::stdin().read_to_end(&mut stdin)?;
    }
    let call = Call { args: args.to_vec(), stdin: STANDARD.encode(stdin) };
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&serde_json::to_vec(&call)?)?;
    stream.shutdown(Shutdown::Write)?;
    let Printed { status, stdout, stderr } = serde_json::from_reader(stream)?;
    // Nobody may read it any more.
    drop(io::stdout().write_all(stdout.as_bytes()));
    drop(io::stderr().write_all(stderr.as_bytes()));
    Ok(status)
}
