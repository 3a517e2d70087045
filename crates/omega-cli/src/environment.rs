//! The environment, read once.

use std::{
    collections::BTreeMap,
    env, fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use omega::Machine;

/// The environment and the terminal, as they were when the program started.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Every variable that is valid UTF-8.
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether stdin is a terminal.
    pub(crate) stdin_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub(crate) stderr_is_terminal: bool,
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: env::vars_os().filter_map(text).collect(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Returns a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns whether to use colours (no-color.org).
    pub(crate) fn colour(&self, terminal: bool) -> bool {
        terminal && self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// Returns the user's home.
    pub(crate) fn home(&self) -> PathBuf {
        // A snap's HOME is its own; SNAP_REAL_HOME is the user's.
        let home = self.get("SNAP_REAL_HOME").or_else(|| self.get("HOME"));
        // As shells do: without HOME, what the user database says; nobody has none.
        home.map(PathBuf::from).or_else(home_of_user).unwrap_or_else(|| "/nonexistent".into())
    }

    /// Returns who runs this, for others to ask: the user of the process, and who became that by sudo.
    pub(crate) fn user(&self) -> String {
        let name = user_entry(|fields| fields.first().map(|name| (*name).to_owned()));
        let name = name.or_else(|| self.get("USER").map(str::to_owned)).unwrap_or_default();
        match self.get("SUDO_USER").filter(|other| *other != name) {
            Some(other) => format!("{other} as {name}"),
            None => name,
        }
    }

    /// Returns the parts of this machine that the library may use.
    pub(crate) fn machine(&self) -> Machine {
        let home = self.home();
        let mut machine = Machine::new(home.clone());
        machine.variables.clone_from(&self.variables);
        machine.cwd = env::current_dir().unwrap_or_default();
        let config = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        machine.config_home = config.unwrap_or_else(|| home.join(".config"));
        machine.cache = Some(self.cache());
        machine.ssh_agent = self.get("SSH_AUTH_SOCK").map(PathBuf::from);
        machine
    }

    /// Returns where runs, their journals and reports are kept.
    pub(crate) fn state(&self) -> PathBuf {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// Returns where answers and tokens are cached.
    pub(crate) fn cache(&self) -> PathBuf {
        self.xdg("XDG_CACHE_HOME", ".cache")
    }

    fn xdg(&self, variable: &str, default: &str) -> PathBuf {
        // The XDG specification: a path that is not absolute is ignored.
        let set = self.get(variable).map(Path::new).filter(|path| path.is_absolute());
        set.map_or_else(|| self.home().join(default), Path::to_path_buf).join("omega")
    }
}

/// Returns the home of the user that this process runs as, by /etc/passwd.
fn home_of_user() -> Option<PathBuf> {
    let me = rustix::process::geteuid().as_raw().to_string();
    home_in(&fs::read_to_string("/etc/passwd").ok()?, &me)
}

/// Returns what the entry of the user that this process runs as has, by /etc/passwd.
fn user_entry<T>(read: impl Fn(&[&str]) -> Option<T>) -> Option<T> {
    let me = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    read(&entries.find(|fields| fields.get(2) == Some(&me.as_str()))?)
}

fn home_in(passwd: &str, uid: &str) -> Option<PathBuf> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut homes = fields.filter_map(|fields| match fields.as_slice() {
        [_, _, of, _, _, home, ..] if *of == uid && home.starts_with('/') => {
            Some(PathBuf::from(home))
        }
        _ => None,
    });
    homes.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_that_of_the_user() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/bin/false\nodd:x:7\n";
        assert_eq!(home_in(passwd, "0"), Some("/root".into()));
        assert_eq!(home_in(passwd, "65534"), Some("/nonexistent".into()));
        assert_eq!((home_in(passwd, "7"), home_in(passwd, "8")), (None, None));
    }
}
