//! One command: what it prints, what other processes can see of it, and what it leaves.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::desk::{Desk, command};

/// The longest that a command may take. Its own limit is shorter.
const LIMIT: Duration = Duration::from_secs(20);
/// How often the processes are looked at.
const EVERY: Duration = Duration::from_millis(15);

/// What a command left that others can see.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Arguments of it and of the programs that it started.
    pub(crate) arguments: BTreeSet<Vec<u8>>,
    /// The environments of the programs that it started.
    pub(crate) environments: BTreeSet<Vec<u8>>,
}

/// Runs `program` in the home with these words. `kill`: kills it after that time.
pub(crate) fn run(
    program: &Path,
    desk: &Desk,
    words: &[String],
    kill: Option<Duration>,
) -> io::Result<Ran> {
    let home = desk.path();
    let mut called = command(program);
    called.args(words).current_dir(home).env_clear().envs(desk.secret_variables.clone());
    called.env("HOME", home).env("TMPDIR", home.join("tmp")).env("NO_COLOR", "1");
    called.env("PATH", format!("{}/bin:/usr/bin:/bin", home.display()));
    for (variable, name) in
        [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")]
    {
        called.env(variable, home.join(name));
    }
    called.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = called.spawn()?;
    let readers = (reader(child.stdout.take()), reader(child.stderr.take()));
    let mut ran = watch(&mut child, kill)?;
    ran.stdout = readers.0.join().unwrap_or_default();
    ran.stderr = readers.1.join().unwrap_or_default();
    Ok(ran)
}

fn reader(from: Option<impl io::Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut from) = from {
            drop(from.read_to_end(&mut all));
        }
        all
    })
}

/// Waits for the end, and looks at the processes meanwhile.
#[expect(clippy::disallowed_methods, reason = "a program of its own, without a runtime")]
fn watch(child: &mut Child, kill: Option<Duration>) -> io::Result<Ran> {
    let (began, mut ran, own) = (Instant::now(), Ran::default(), child.id());
    loop {
        look(own, &mut ran);
        if let Some(status) = child.try_wait()? {
            ran.code = status.code().or(status.signal().map(|signal| 128 + signal));
            return Ok(ran);
        }
        if kill.is_some_and(|kill| began.elapsed() >= kill) || began.elapsed() > LIMIT {
            child.kill()?;
        }
        thread::sleep(EVERY);
    }
}

/// Adds what can be seen of the process and of those that it started.
fn look(own: u32, ran: &mut Ran) {
    let mut family = vec![own];
    let mut at = 0;
    while let Some(process) = family.get(at).copied() {
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        let all = children.unwrap_or_default();
        family.extend(all.split_whitespace().filter_map(|one| one.parse::<u32>().ok()));
        at += 1;
    }
    for process in family {
        let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
        ran.arguments.insert(read("cmdline"));
        // Between fork and exec it is still omega.
        let is_omega = process == own || same_program(process, own);
        if !is_omega {
            ran.environments.insert(read("environ"));
        }
    }
}

fn same_program(one: u32, other: u32) -> bool {
    let program = |process: u32| fs::read_link(format!("/proc/{process}/exe")).ok();
    program(one) == program(other)
}

/// Reads a file of at most a few megabytes, or what of it can be read.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        drop(file.take(32 << 20).read_to_end(&mut bytes));
    }
    bytes
}
