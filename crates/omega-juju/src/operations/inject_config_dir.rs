//! Gives the conductor its `--config-dir`.

use omega_core::{
    Conflict, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{
    Access, Bytes, FileChange, FileWrite, Image, daemon_args,
    file_change::refuse_link,
    magnum,
    stage_dropin::{line_diff, make_directory},
};
use crate::{Error, FileState, Probe, Reply, ServiceName, ServiceState, Unit, UnitPath};

/// Ensures that the daemon's next start carries `--config-dir` exactly once.
///
/// The proof is what the init script's own `show-args` prints; nothing is restarted here. The
/// file's other lines are kept byte for byte, and the directory is made if it is missing, since a
/// daemon that is pointed at a directory that is missing does not start.
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{InjectConfigDir, inject_config_dir}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let done = inject_config_dir(unit, &InjectConfigDir::graft()).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a file in which a further line might not do what it says, with the line and the remedy.
pub async fn inject_config_dir(
    unit: &Unit,
    desired: &InjectConfigDir,
) -> Result<Outcome<ConfigDirSeen>, EnsureError<Error>> {
    ensure(unit, desired).await
}

/// The `--config-dir` of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectConfigDir {
    /// The daemon.
    pub daemon: ServiceName,
    /// The directory.
    pub directory: UnitPath,
    /// What should be so.
    pub wanted: ConfigDirWanted,
}

/// Whether a daemon should carry the flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigDirWanted {
    /// Exactly once.
    Once,
    /// As it was before.
    Before {
        /// The file that the init script sources.
        image: Image,
        /// Whether there was no directory: it goes, if nothing is in it.
        no_directory: bool,
    },
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigDirSeen {
    /// The file that the init script sources.
    pub file: FileState,
    /// Its text.
    pub text: Option<String>,
    /// The directory.
    pub directory: FileState,
    /// The names in it.
    pub names: Vec<String>,
    /// What the init script would start; `None` where there is no such script.
    pub args: Option<Vec<String>>,
    /// The service.
    pub service: ServiceState,
}

impl InjectConfigDir {
    /// Returns the fact that the conductor is started with `--config-dir`
    /// `/etc/magnum/magnum.conf.d`.
    pub fn graft() -> Self {
        let (daemon, directory) = (magnum::conductor(), magnum::conf_d());
        Self { daemon, directory, wanted: ConfigDirWanted::Once }
    }

    fn path(&self) -> UnitPath {
        magnum::default_file(&self.daemon)
    }

    /// Returns whether the next start is as it should be.
    fn carries(&self, args: &[String]) -> bool {
        daemon_args::count(args, &self.directory) == 1
            && daemon_args::has_config_file(args, &magnum::magnum_conf())
            && !args.iter().any(|word| word.contains('$'))
    }

    fn once(&self, seen: &ConfigDirSeen) -> Result<Vec<FileChange>, Conflict> {
        let path = self.path();
        refuse_link(&path, &seen.file)?;
        let Some(args) = &seen.args else {
            let why = format!("there is no init script /etc/init.d/{}", self.daemon);
            let next = "check the unit's name; Debian's and Ubuntu's packages bring one";
            return Err(Conflict::new(why, next));
        };
        let made = make_directory(&self.directory, &seen.directory)?;
        let text = self.text(seen)?;
        let access = readable(&seen.file);
        let edited = if self.carries(args) { text.to_owned() } else { self.edited(text, args)? };
        let written = if edited == text && seen.file == FileState::Absent {
            None
        } else {
            let shows = line_diff(text, &edited);
            let (sha256, bytes) = (Sha256::of(edited.as_bytes()), Bytes::Text { text: edited });
            FileWrite::after(&path, &access, sha256, bytes, &seen.file)?
                .map(|change| change.showing(shows))
        };
        Ok(made.into_iter().chain(written).collect())
    }

    fn text<'a>(&self, seen: &'a ConfigDirSeen) -> Result<&'a str, Conflict> {
        match (&seen.file, &seen.text) {
            (_, Some(text)) => Ok(text),
            (FileState::Absent, None) => Ok(""),
            (_, None) => Err(Conflict::new(
                format!("{} is not text, or larger than 64 KiB", self.path()),
                "look at it; a file of shell variables is expected there",
            )),
        }
    }

    fn edited(&self, text: &str, args: &[String]) -> Result<String, Conflict> {
        let path = self.path();
        let edited = daemon_args::edit(text, &self.directory).map_err(|error| {
            let why = format!("{path} can't be edited safely: line {}: {}", error.line, error.why);
            Conflict::new(why, error.next)
        })?;
        if edited != text {
            return Ok(edited);
        }
        let next = "look at /etc/default/openstack and at the init script: one of them changes \
                    DAEMON_ARGS";
        Err(Conflict::new(format!("{path} is as it should be, and has no effect"), next)
            .seen(format!("--config-dir {} once", self.directory), args.join(" ")))
    }
}

impl Desired for InjectConfigDir {
    const KIND: &'static str = "juju.config-dir.v1";
    type Target = Unit;
    type Seen = ConfigDirSeen;
    type Change = FileChange;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path().to_string())
    }

    async fn observe(&self, unit: &Unit) -> Result<ConfigDirSeen, Error> {
        let path = self.path();
        let ((file, text), directory, names, args, service) = futures::try_join!(
            unit.text(&path),
            unit.file(&self.directory),
            unit.ask(Probe::Directory { path: self.directory.clone() }),
            unit.show_args(&self.daemon),
            unit.service(&self.daemon)
        )?;
        let Reply::Directory { names } = names else { return Err(unit.unexpected(&names)) };
        let names = names.unwrap_or_default();
        Ok(ConfigDirSeen { file, text, directory, names, args, service })
    }

    fn diff(&self, seen: &ConfigDirSeen) -> Result<Delta<FileChange>, Conflict> {
        let (image, no_directory) = match &self.wanted {
            ConfigDirWanted::Once => return Ok(Delta::of(self.once(seen)?)),
            ConfigDirWanted::Before { image, no_directory } => (image, *no_directory),
        };
        let mut changes: Vec<_> =
            FileChange::back(&self.path(), image, &seen.file)?.into_iter().collect();
        let there = matches!(seen.directory, FileState::Directory { .. });
        if no_directory && there && seen.names.is_empty() {
            changes.push(FileChange::RemoveDirectory { path: self.directory.clone() });
        }
        Ok(Delta::of(changes))
    }

    async fn apply(&self, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &ConfigDirSeen) -> Option<Self> {
        let image = Image::of(&before.file)?;
        let no_directory = before.directory == FileState::Absent;
        Some(Self { wanted: ConfigDirWanted::Before { image, no_directory }, ..self.clone() })
    }

    fn notes(&self, seen: &ConfigDirSeen) -> Vec<Note> {
        let start = &seen.service.exec_start;
        if start.is_empty() || start.contains("/etc/init.d/") {
            return Vec::new();
        }
        vec![Note::decision(
            "D-037",
            format!(
                "systemd starts {} without its init script: {} is not read, and show-args proves \
                 nothing, while that is so",
                self.daemon,
                self.path()
            ),
        )]
    }
}

/// The init script runs as the daemon's user and skips, silently, a file that it can't read.
fn readable(file: &FileState) -> Access {
    match file {
        FileState::Regular(facts) => {
            let mode = FileMode::from_bits_truncate(facts.mode.bits() | 0o444);
            Access { mode, ..Access::of(facts) }
        }
        FileState::Absent
        | FileState::Link { .. }
        | FileState::Directory { .. }
        | FileState::Special => Access::root(FileMode::PUBLIC),
    }
}

#[cfg(test)]
#[path = "inject_config_dir_tests.rs"]
mod tests;
