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
    // A body of MAAS is its answer: 4xx, before anything was done. MAAS writes text; a page is of a proxy in
    // front of it. Without an answer of MAAS, nobody knows.
    let doing = doing.to_owned();
    Err(if own && status == Some(2) && !said.starts_with('<') {
        MaasError::Refused { doing, why, touched: Touched::Nothing }
    } else {
        MaasError::NoAnswer { doing, why, touched }
    })
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;

    use super::*;

    /// Only MAAS itself can say that nothing was done: not a proxy, and not a connection that broke.
    #[test]
    fn what_a_proxy_prints_is_no_answer_of_maas() {
        let printed = |status, stdout: &str, stderr: &str| {
            let (stdout, stderr) = (stdout.as_bytes().to_vec(), stderr.as_bytes().to_vec());
            let output = ProgramOutput { status: Some(status), stdout, stderr };
            answered("release machine a", output, Touched::Maybe).unwrap_err()
        };
        let refused = printed(2, "Machine cannot be released in its current state ('Ready').", "");
        assert!(matches!(refused, MaasError::Refused { .. }), "{refused:?}");
        assert_eq!(refused.touched(), Touched::Nothing);
        for error in [
            printed(2, "<html><body>503 Service Unavailable</body></html>", ""),
            printed(1, "", "ConnectionResetError: [Errno 104] Connection reset by peer"),
            printed(1, "", ""),
        ] {
            assert!(matches!(error, MaasError::NoAnswer { .. }), "{error:?}");
            assert_eq!(error.touched(), Touched::Maybe);
            assert_eq!(error.retry(), omega_core::Retry::Transient);
        }
    }
}
