use std::{
    ffi::OsString,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::{Pin, pin},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, Command},
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use crate::agent::{Output, Stdin};

/// How long output is read after a program has ended: a child process may keep the pipe open.
const GRACE: Duration = Duration::from_secs(2);

/// The maximum number of bytes that are read from each stream.
const MOST: u64 = 64 << 20;

/// A program with its arguments. It never goes through a shell.
#[derive(Clone, Debug)]
pub struct Program {
    name: PathBuf,
    args: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    /// Whether its standard error shows that it waits for somebody.
    asks: Option<fn(&str) -> bool>,
}

/// What a program that ended left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    /// Its exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Why a program has no output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It could not be started.
    #[error("{0} can't be started: {1}")]
    Start(String, io::Error),
    /// An I/O error occurred while it was running.
    #[error("{0}: {1}")]
    Broke(String, io::Error),
    /// It was killed at its deadline, with its process group.
    #[error("{0} was killed after {1:?}")]
    Deadline(String, Duration),
}

impl Program {
    /// Returns the program `name`, a path or a name on the PATH.
    pub fn new(name: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), args: Vec::new(), variables: Vec::new(), asks: None }
    }

    /// Sets an environment variable for it.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs it with nothing on its standard input, and returns what it left.
    ///
    /// # Errors
    ///
    /// Fails if it can't be started, breaks, or does not end within `within`: then it is killed.
    pub async fn output(&self, within: Duration) -> Result<ProgramOutput, RunError> {
        let Output { status, stdout, stderr, .. } = self.run(None, within).await?;
        Ok(ProgramOutput { status, stdout, stderr })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: Into<OsString>>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Ends it as soon as `asks` is true of its standard error: it waits for a person, and there is none.
    #[must_use]
    pub(crate) fn ends_at(self, asks: fn(&str) -> bool) -> Self {
        Self { asks: Some(asks), ..self }
    }

    /// Runs it. Without `stdin`, its standard input is empty.
    ///
    /// # Errors
    ///
    /// Fails if it can't be started, breaks or exceeds the deadline. Any exit status is an output.
    pub(crate) async fn run(
        &self,
        stdin: Option<Stdin>,
        within: Duration,
    ) -> Result<Output, RunError> {
        let name = self.name.display().to_string();
        tracing::debug!(program = name, args = self.args.len(), "running");
        let mut child =
            self.spawn(stdin.is_some()).map_err(|error| RunError::Start(name.clone(), error))?;
        let mut group = Group(child.id());
        match timeout(within, collect(&mut child, stdin, self.asks)).await {
            Ok(Ok(output)) => {
                group.0 = None;
                Ok(output)
            }
            Ok(Err(error)) => Err(RunError::Broke(name, error)),
            Err(_) => {
                drop(group);
                drop(child.wait().await);
                Err(RunError::Deadline(name, within))
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "no other function starts programs")]
    fn spawn(&self, stdin: bool) -> io::Result<Child> {
        let mut command = Command::new(&self.name);
        command.args(&self.args).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if stdin { Stdio::piped() } else { Stdio::null() });
        for (key, _) in std::env::vars_os().filter(|(key, _)| is_secret(&key.to_string_lossy())) {
            command.env_remove(key);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.process_group(0).kill_on_drop(true).spawn()
    }
}

/// Where programs are looked for if the variable PATH is not set (execvp(3)).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Returns the file that [`Program::new`] would start for `name`, a path or a name on `path` (the variable
/// PATH). Nothing is started.
///
/// # Errors
///
/// Says that there is no such file, or that it is not executable.
pub fn find_program(name: &Path, path: Option<&str>, cwd: &Path) -> Result<PathBuf, String> {
    let is_program = |file: &PathBuf| {
        let found = std::fs::metadata(file).ok();
        found.is_some_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let shown = name.display();
    if name.components().count() == 1 && !name.to_string_lossy().contains('/') {
        let path = path.unwrap_or(DEFAULT_PATH);
        let found = path.split(':').map(|directory| cwd.join(directory).join(name));
        return found.into_iter().find(is_program).ok_or_else(|| {
            format!("there is no program {shown} in the directories of PATH ({path})")
        });
    }
    let file = cwd.join(name);
    match file.metadata() {
        Err(error) => Err(format!("the program {shown} can't be started: {error}")),
        Ok(_) if !is_program(&file) => Err(format!("{shown} is not an executable file")),
        Ok(_) => Ok(file),
    }
}

/// Whether a variable is not passed to programs: OpenStack credentials, and names of secrets.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    let parts = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "PASSPHRASE", "CREDENTIAL"];
    key.starts_with("OS_") || parts.iter().any(|part| key.contains(part))
}

/// Kills a process group when it is dropped before the program has ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        kill_group(self.0);
    }
}

fn kill_group(pid: Option<u32>) {
    let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process_group(pid, Signal::KILL)) {
        tracing::debug!(%error, "nothing was left to kill");
    }
}

/// Reads standard error to its end, and notifies once if it shows that the program asks.
async fn read_errors(
    stderr: Option<ChildStderr>,
    err: &mut Vec<u8>,
    asks: Option<fn(&str) -> bool>,
    asked: &Notify,
) -> Option<()> {
    let mut stderr = stderr?.take(MOST);
    let mut told = false;
    while stderr.read_buf(err).await.ok()? > 0 {
        // What a program asks is at the beginning: not all of a long output is searched each time.
        let head = err.get(..8192).unwrap_or(err);
        if !told && asks.is_some_and(|asks| asks(&String::from_utf8_lossy(head))) {
            told = true;
            asked.notify_one();
        }
    }
    Some(())
}

/// Waits until the program ends, while `read` reads what it writes. What asks somebody is killed.
async fn ended(
    child: &mut Child,
    mut read: Pin<&mut impl Future<Output = ()>>,
    asked: &Notify,
) -> io::Result<ExitStatus> {
    let (id, mut all) = (child.id(), false);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = &mut read, if !all => all = true,
            () = asked.notified() => kill_group(id),
        }
    };
    let until = Instant::now() + GRACE;
    tokio::select! {
        () = read, if !all => {}
        () = sleep_until(until), if !all => {}
        else => {}
    }
    Ok(status)
}

/// Writes and reads concurrently, so that a program that never reads, or writes first, does not hang.
async fn collect(
    child: &mut Child,
    stdin: Option<Stdin>,
    asks: Option<fn(&str) -> bool>,
) -> io::Result<Output> {
    let asked = Notify::new();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (input, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let (Some(mut input), Some(stdin)) = (input, stdin) {
            // A program may end without reading: its output matters, not this error.
            drop(stdin.write(&mut input).await);
        }
    };
    let status = {
        let read = async {
            tokio::join!(
                write,
                async { stdout?.take(MOST).read_to_end(&mut out).await.ok() },
                read_errors(stderr, &mut err, asks, &asked),
            );
        };
        ended(child, pin!(read), &asked).await?
    };
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|n| n.to_string());
    Ok(Output { status: status.code(), signal, stdout: out, stderr: err })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdin(preamble: Vec<u8>) -> Stdin {
        Stdin { preamble, payload: None }
    }

    fn sh(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn output_and_status_are_kept_apart() {
        let output = sh("cat; echo no >&2; exit 3").run(Some(stdin(b"yes".to_vec())), GRACE).await;
        let output = output.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"yes".to_vec(), b"no\n".to_vec()));
        assert_eq!(output.status, Some(3));
        let killed = sh("kill -9 $$").run(None, GRACE).await.unwrap();
        assert_eq!((killed.status, killed.signal.as_deref()), (None, Some("9")));
    }

    #[tokio::test]
    async fn a_program_that_never_reads_does_not_hang() {
        let much = stdin(vec![b'x'; 1 << 20]);
        let output = sh("echo done").run(Some(much), Duration::from_secs(10)).await.unwrap();
        assert_eq!(output.stdout, b"done\n");
    }

    #[tokio::test]
    async fn without_a_payload_there_is_nothing_to_read() {
        let output = sh("cat; echo end").run(None, Duration::from_secs(10)).await.unwrap();
        assert_eq!(output.stdout, b"end\n");
    }

    #[tokio::test]
    async fn the_deadline_ends_what_it_started_too() {
        let home = tempfile::tempdir().unwrap();
        let mark = home.path().join("mark");
        let script = format!("(sleep 1; touch '{}') & sleep 30", mark.display());
        let error = sh(&script).run(None, Duration::from_millis(200)).await.unwrap_err();
        assert!(matches!(error, RunError::Deadline(..)), "{error}");
        tokio::time::sleep(Duration::from_millis(1300)).await;
        assert!(!mark.exists(), "the grandchild outlived the deadline");
    }

    /// Nobody answers: it ends at once, with what it asked.
    #[tokio::test]
    async fn a_program_that_asks_somebody_is_ended() {
        let asks = |text: &str| text.contains("password");
        let script = "echo 'please enter password: ' >&2; sleep 30";
        let output = sh(script).ends_at(asks).run(None, Duration::from_secs(20)).await.unwrap();
        assert_eq!(output.status, None);
        assert_eq!(output.stderr, b"please enter password: \n");
        let other = sh("echo no >&2; exit 1").ends_at(asks).run(None, GRACE).await.unwrap();
        assert_eq!((other.status, other.stderr), (Some(1), b"no\n".to_vec()));
    }

    #[tokio::test]
    async fn a_missing_program_is_reported() {
        let error = Program::new("/nowhere/juju").run(None, GRACE).await.unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/juju can't be started"), "{error}");
    }

    #[test]
    fn a_program_is_found_as_it_would_be_started() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("juju");
        std::fs::write(&file, "").unwrap();
        let find = |name: &str| find_program(Path::new(name), home.path().to_str(), home.path());
        assert!(find("./juju").unwrap_err().contains("is not an executable file"));
        assert!(find("juju").unwrap_err().starts_with("there is no program juju in the"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
        assert_eq!(find("juju").unwrap(), file);
        assert!(find("./juju").unwrap().is_file() && find(file.to_str().unwrap()).is_ok());
        assert!(find("/nowhere/juju").unwrap_err().contains("/nowhere/juju can't be started"));
        assert!(find_program(Path::new("sh"), None, home.path()).is_ok());
    }

    #[test]
    fn credentials_are_not_passed_on() {
        for secret in ["OS_PASSWORD", "OS_AUTH_URL", "os_token", "MY_SECRET", "GITHUB_TOKEN"] {
            assert!(is_secret(secret), "{secret}");
        }
        for needed in ["PATH", "HOME", "JUJU_DATA", "JUJU_MODEL", "SSH_AUTH_SOCK", "https_proxy"] {
            assert!(!is_secret(needed), "{needed}");
        }
    }
}
