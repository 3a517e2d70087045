//! Gives the conductor its `--config-dir`.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
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
) -> Result<Outcome<ConfigDirObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
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
pub struct ConfigDirObserved {
    /// The file that the init script sources.
    pub file: FileState,
    /// Its text.
    pub text: Option<String>,
    /// The directory.
    pub directory: FileState,
    /// The names in it.
    pub names: Vec<String>,
    /// What the init script would start; `None` where there is no such script, or it says nothing.
    pub args: Option<Vec<String>>,
    /// Why the init script could not say it.
    pub trouble: Option<String>,
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

    async fn show_args(&self, unit: &Unit) -> Result<(Option<Vec<String>>, Option<String>), Error> {
        match unit.show_args(&self.daemon).await {
            Ok(args) => Ok((args, None)),
            // The file may be what stops the script: that is for the diff to say.
            Err(Error::Probe { why, .. }) => Ok((None, Some(why))),
            Err(error) => Err(error),
        }
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

    fn once(&self, seen: &ConfigDirObserved) -> Result<Vec<FileChange>, Conflict> {
        let path = self.path();
        refuse_link(&path, &seen.file)?;
        let made = make_directory(&self.directory, &seen.directory)?;
        let (text, args) = (self.text(seen)?, self.args(seen)?);
        let access = readable(&seen.file);
        let edited =
            if self.carries(args) { text.to_owned() } else { self.edited(text, args, seen)? };
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

    fn args<'a>(&self, seen: &'a ConfigDirObserved) -> Result<&'a [String], Conflict> {
        let (daemon, path) = (&self.daemon, self.path());
        match (&seen.args, &seen.trouble) {
            (Some(args), _) => Ok(args),
            (None, Some(why)) => Err(Conflict::new(
                format!("what the next start of {daemon} would be can't be told: {why}"),
                format!("correct {path}: as it is, the daemon would not start"),
            )),
            (None, None) => Err(Conflict::new(
                format!("/etc/init.d/{daemon} is not there, or does not say what it would start"),
                format!(
                    "check the unit's name; if the script is there, look for an exit in {path}"
                ),
            )),
        }
    }

    fn text<'a>(&self, seen: &'a ConfigDirObserved) -> Result<&'a str, Conflict> {
        match (&seen.file, &seen.text) {
            // show-args does not show them: they would be part of the directory's name.
            (_, Some(text)) if text.contains('\r') => Err(Conflict::new(
                format!("{} has carriage returns, which become part of the values", self.path()),
                format!("convert it: sed -i 's/\\r$//' {}", self.path()),
            )),
            (_, Some(text)) => Ok(text),
            (FileState::Absent, None) => Ok(""),
            (_, None) => Err(Conflict::new(
                format!("{} is not text, or larger than 64 KiB", self.path()),
                "look at it; a file of shell variables is expected there",
            )),
        }
    }

    fn edited(
        &self,
        text: &str,
        args: &[String],
        seen: &ConfigDirObserved,
    ) -> Result<String, Conflict> {
        let path = self.path();
        let edited = daemon_args::edit(text, &self.directory).map_err(|error| {
            let why = format!("{path} can't be edited safely: line {}: {}", error.line, error.why);
            Conflict::new(why, error.next)
        })?;
        let closed = matches!(&seen.file, FileState::Regular(facts)
            if Access::of(facts) != readable(&seen.file));
        let directory = &self.directory;
        let from_elsewhere =
            daemon_args::count(args, directory) > daemon_args::count_in(text, directory);
        if !from_elsewhere && (edited != text || closed) {
            return Ok(edited);
        }
        let why = if from_elsewhere {
            format!("something else than {path} adds --config-dir {directory}, not just once")
        } else {
            format!("{path} is as it should be, and has no effect")
        };
        let next = "look at /etc/default/openstack and at the init script: one of them changes \
                    DAEMON_ARGS";
        Err(Conflict::new(why, next).seen(format!("--config-dir {directory} once"), args.join(" ")))
    }
}

impl Desired for InjectConfigDir {
    const KIND: &'static str = "juju.config-dir.v1";
    type Target = Unit;
    type Observed = ConfigDirObserved;
    type Change = FileChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path().to_string())
    }

    fn key(&self) -> String {
        self.path().to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<ConfigDirObserved, Error> {
        let path = self.path();
        let ((file, text), directory, names, args, service) = futures::try_join!(
            unit.text(&path),
            unit.file(&self.directory),
            unit.ask(Probe::Directory { path: self.directory.clone() }),
            self.show_args(unit),
            unit.service(&self.daemon)
        )?;
        let (args, trouble) = args;
        let Reply::Directory { names } = names else { return Err(unit.unexpected(&names)) };
        let names = names.unwrap_or_default();
        Ok(ConfigDirObserved { file, text, directory, names, args, trouble, service })
    }

    fn diff(&self, seen: &ConfigDirObserved) -> Result<Delta<FileChange>, Conflict> {
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

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &ConfigDirObserved) -> Option<Self> {
        let image = Image::of(&before.file)?;
        let no_directory = before.directory == FileState::Absent;
        Some(Self { wanted: ConfigDirWanted::Before { image, no_directory }, ..self.clone() })
    }

    fn notes(&self, seen: &ConfigDirObserved, _: Timestamp) -> Vec<Note> {
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

/// Who the daemons and their init scripts run as, and its group.
const USER: &str = "magnum";

/// The init script runs as the daemon's user and skips, silently, a file that it can't read. One
/// that it can is not opened to everybody.
fn readable(file: &FileState) -> Access {
    match file {
        FileState::Regular(facts) => {
            let bits = facts.mode.bits();
            let reads = (facts.owner == USER && bits & 0o400 != 0)
                || (facts.group == USER && bits & 0o040 != 0)
                || bits & 0o004 != 0;
            let mode = FileMode::from_bits_truncate(if reads { bits } else { bits | 0o444 });
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
