use std::{fmt, fs};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::shell_word;

/// Who holds a lock. Fields that another version of omega added are ignored, and one that is missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockHolder {
    /// The user.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in clock ticks since the machine did: its id may be used again.
    pub started: Option<u64>,
    /// The id of the machine's boot, and of the namespace of processes in which `pid` is valid: a container
    /// has the boot of its machine, but processes of its own.
    pub boot: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The command, without its options.
    pub command: String,
}

impl LockHolder {
    /// Returns this process as the holder. `who`: the user, as the embedding program knows it.
    pub fn this_process(who: &str, command: &str) -> Self {
        let pid = std::process::id();
        Self {
            who: who.to_owned(),
            host: line("/proc/sys/kernel/hostname"),
            pid,
            started: started(pid),
            boot: boot(),
            since: None,
            command: command.to_owned(),
        }
    }

    /// Returns whether it was a process of this boot of this machine that no longer runs. Of a process on
    /// another machine that is not known.
    pub fn is_gone(&self) -> bool {
        let is_here = !self.boot.is_empty() && self.boot == boot() && self.started.is_some();
        is_here && started(self.pid) != self.started
    }
}

/// As in "held by ...".
impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &str, other: &str| {
            let shown = plain(text);
            if shown.is_empty() { other.to_owned() } else { shown }
        };
        let (who, host) = (or(&self.who, "unknown user"), or(&self.host, "unknown host"));
        write!(f, "{who}@{host}, process {}, {}", self.pid, or(&self.command, "unknown command"))?;
        match self.since {
            Some(since) => write!(f, ", since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => Ok(()),
        }
    }
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeldLock {
    /// Its id, for `--break-lock`.
    pub id: String,
    /// How often a lock of this target was taken.
    pub token: u64,
    /// Who holds it.
    #[serde(default)]
    pub holder: LockHolder,
    /// When it expires unless it is renewed, by the clock of the target.
    pub expires: Timestamp,
}

impl HeldLock {
    /// Returns what to do about it, for a run that wants it.
    pub fn next(&self) -> String {
        format!(
            "wait until that run ends; if it no longer runs, use --break-lock {} with the same command",
            shell_word(&plain(&self.id))
        )
    }
}

/// What a target stores is not trusted: it must not control the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// As in "found ...".
impl fmt::Display for HeldLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, token: _, holder, expires } = self;
        let id = plain(id);
        let expires = expires.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "lock {id} of {holder}; it expires {expires} unless it is renewed")
    }
}

fn line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The boot and the namespace of processes; empty if either is not known.
fn boot() -> String {
    let boot = line("/proc/sys/kernel/random/boot_id");
    match fs::read_link("/proc/self/ns/pid") {
        Ok(namespace) if !boot.is_empty() => format!("{boot} {}", namespace.display()),
        Ok(_) | Err(_) => String::new(),
    }
}

/// When a process started: field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`), the 20th after the name.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie no longer runs.
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
