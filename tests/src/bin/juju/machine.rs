use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::config::Machine;

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// As whom a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// `juju exec` on a unit.
    Root,
    /// `juju ssh`.
    Ubuntu,
}

/// Returns what runs `line` by a shell on the machine.
#[expect(clippy::disallowed_methods, reason = "starting ssh is what juju does")]
pub(crate) fn command(machine: &Machine, user: User, line: &str) -> Command {
    match machine {
        Machine::Local { path } => {
            let mut command = Command::new("sh");
            let mut places: Vec<_> = path.clone();
            places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
            command.arg("-c").arg(line);
            command.env("PATH", std::env::join_paths(places).unwrap_or_default());
            command
        }
        Machine::Ssh { init: Some(init), .. } if matches!(user, User::Root) => {
            let mut command = Command::new("nsenter");
            // A task goes on when the one who waits for it is gone.
            command.process_group(0).arg("-t").arg(first_process(init).unwrap_or_default());
            command.args([
                "-m",
                "-u",
                "-i",
                "-n",
                "-p",
                "-C",
                "-r",
                "-w",
                "--",
                "/usr/bin/env",
                "-i",
            ]);
            command.args([PATH, "HOME=/root", "LANG=C.UTF-8", "sh", "-c", line]);
            command
        }
        Machine::Ssh { host, port, key, known_hosts, .. } => {
            let mut command = Command::new("ssh");
            command.args(["-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-i"]).arg(key);
            command.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
            command.arg("-p").arg(port.to_string()).arg(format!("ubuntu@{host}"));
            match user {
                // Ubuntu's own shell sees one word more than root's does.
                User::Root => command.arg(format!("sudo -n sh -c {}", quoted(line))),
                User::Ubuntu => command.arg(line),
            };
            command
        }
    }
}

/// The same without standard input: `juju exec` forwards none.
pub(crate) fn without_stdin(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// One word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether tasks can be started there. On a machine that is down none ends.
pub(crate) fn takes_tasks(machine: &Machine) -> bool {
    let Machine::Ssh { init: Some(init), .. } = machine else { return true };
    first_process(init).is_some()
}

/// The id of a machine's first process, while it lives. One that has this host's files is somebody else's by now.
fn first_process(init: &Path) -> Option<String> {
    let process = fs::read_to_string(init).ok()?.trim().to_owned();
    let files = |of: &str| fs::read_link(format!("/proc/{of}/ns/mnt")).ok();
    (!process.is_empty() && files(&process)? != files("self")?).then_some(process)
}
