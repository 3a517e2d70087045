//! The program `maas`: the seam between the client and a MAAS.

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use omega_core::Touched;
use omega_juju::channel::{Program, ProgramOutput, RunError};

use super::MaasError;

/// The commands of `maas` with one profile. The program runs `maas`; tests have a MAAS in memory.
///
/// The profile keeps the API key in a file of its own (`maas login`), so that no key is on a command line.
#[async_trait]
pub trait MaasCommands: fmt::Debug + Send + Sync {
    /// Runs `maas PROFILE ARGS...` and returns its standard output. `doing`: what it is for, as in "maas
    /// could not ...". `touched`: [`Touched::Maybe`] if it writes.
    ///
    /// # Errors
    ///
    /// Fails if it can't be run, or fails.
    async fn run(&self, doing: &str, args: &[&str], touched: Touched)
    -> Result<Vec<u8>, MaasError>;
}

/// The program `maas` on this machine.
#[derive(Clone, Debug)]
pub struct MaasProgram {
    /// The program: `maas`, or a path to it.
    pub program: PathBuf,
    /// The profile, as `maas list` shows it.
    pub profile: String,
    /// How long a command may take.
    pub within: Duration,
}

#[async_trait]
impl MaasCommands for MaasProgram {
    async fn run(
        &self,
        doing: &str,
        args: &[&str],
        touched: Touched,
    ) -> Result<Vec<u8>, MaasError> {
        let all = [&[self.profile.as_str()], args].concat();
        let output = Program::new(&self.program).args(all).output(self.within).await;
        match output {
            Ok(output) => answered(doing, output, touched),
            Err(RunError::Deadline(_, after)) => {
                Err(MaasError::Deadline { doing: doing.to_owned(), after, touched })
            }
            Err(error) => {
                let started = !matches!(error, RunError::Start(..));
                let touched = if started { touched } else { Touched::Nothing };
                let (doing, why) = (doing.to_owned(), error.to_string());
                Err(MaasError::NotRun { doing, why, touched })
            }
        }
    }
}

/// Returns what was printed, or MAAS's own words. For an answer that is no success, `maas` prints its
/// body to standard output and ends with 2 (`src/maascli/api.py`, `Action.__call__`).
pub(super) fn answered(
    doing: &str,
    output: ProgramOutput,
    touched: Touched,
) -> Result<Vec<u8>, MaasError> {
    let ProgramOutput { status, stdout, stderr } = output;
    if status == Some(0) {
        return Ok(stdout);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (said, complained) = (text(&stdout), text(&stderr));
    // argparse and Python write to stderr, the last line being what is wrong.
    let last = complained.lines().last().unwrap_or_default().to_owned();
    let own = !said.is_empty();
    let why = match (own, last.is_empty()) {
        (true, _) => said.chars().take(300).collect(),
        (false, false) => last,
        (false, true) => "it failed without a message".to_owned(),
    };
    // A body is MAAS's answer: 4xx, before anything was done. Without one, nobody knows.
    let touched = if own && status == Some(2) { Touched::Nothing } else { touched };
    Err(MaasError::Refused { doing: doing.to_owned(), why, touched })
}
