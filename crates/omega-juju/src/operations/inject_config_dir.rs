//! Adds `--config-dir` to the conductor's arguments.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, Subject, ensure,
    values::Sha256,
};
use serde::{Deserialize, Serialize};

use super::{
    FileChange, RestoreFiles, Sent,
    defaults_file::DefaultsFile,
    evidence,
    file_change::{Content, line_diff, refuse_link},
    magnum, obstacle,
};
use crate::{
    Error, FileState, Obstacle, ProbeFailure, ServiceName, ServiceState, Unit, UnitPath,
    error::answered,
};

/// Ensures that the daemon's next start has `--config-dir` exactly once.
///
/// This is verified with the init script's `show-args`; nothing is restarted. The other lines of the
/// file are kept byte for byte. The directory is created if it is missing, because otherwise the
/// daemon would not start.
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
/// Refuses a file in which an added line might have no effect, with the line and the remedy.
pub async fn inject_config_dir(
    unit: &Unit,
    desired: &InjectConfigDir,
) -> Result<Outcome<ConfigDirObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The `--config-dir` of a daemon, exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InjectConfigDir {
    /// The daemon.
    pub daemon: ServiceName,
    /// The directory.
    pub directory: UnitPath,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfigDirObserved {
    /// The file that the init script sources.
    pub file: FileState,
    /// Its text.
    pub text: Option<String>,
    /// The directory.
    pub directory: FileState,
    /// The arguments for the next start; `None` if there is no init script, or it prints nothing.
    pub args: Option<Vec<String>>,
    /// Why the init script failed.
    pub trouble: Option<ProbeFailure>,
    /// The service.
    pub service: ServiceState,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

impl InjectConfigDir {
    /// Returns the desired state in which the conductor starts with `--config-dir`
    /// `/etc/magnum/magnum.conf.d`.
    pub fn graft() -> Self {
        Self { daemon: magnum::conductor(), directory: magnum::conf_d() }
    }

    fn path(&self) -> UnitPath {
        magnum::default_file(&self.daemon)
    }
}

impl InjectConfigDir {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &ConfigDirObserved) -> Result<Delta<FileChange>, Conflict> {
        let path = self.path();
        refuse_link(&path, &seen.file)?;
        let made = FileChange::make_directory(&self.directory, &seen.directory)?;
        let file = DefaultsFile {
            daemon: &self.daemon,
            user: user(&seen.service),
            path: &path,
            directory: &self.directory,
            config_file: &magnum::magnum_conf(),
            state: &seen.file,
            text: seen.text.as_deref(),
            args: seen.trouble.as_ref().map_or(Ok(seen.args.as_deref()), Err),
        };
        let (text, edited) = file.edited()?;
        let written = if edited == text && seen.file == FileState::Absent {
            None
        } else {
            let (shows, sha256) = (line_diff(text, &edited), Sha256::of(edited.as_bytes()));
            let content = Content::Sent(Sent::Text(edited));
            FileChange::write(&path, &file.access(), sha256, content, &seen.file)?
                .map(|change| change.showing(shows))
        };
        Ok(Delta::of(made.into_iter().chain(written).collect()))
    }
}

impl Desired for InjectConfigDir {
    const KIND: &'static str = "juju.config-dir.v1";
    type Target = Unit;
    type Observed = ConfigDirObserved;
    type Change = FileChange;
    type Undo = RestoreFiles;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path().to_string())
    }

    fn key(&self) -> String {
        self.path().to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<ConfigDirObserved, Error> {
        let path = self.path();
        // The file may be the reason why the init script fails: the diff reports that.
        let args = async { answered(unit.show_args(&self.daemon).await) };
        let ((file, text), directory, args, service) = futures::try_join!(
            unit.text(&path),
            unit.file(&self.directory),
            args,
            unit.service(&self.daemon)
        )?;
        let (args, trouble) =
            args.map_or_else(|failure| (None, Some(failure)), |args| (args, None));
        let obstacle = None;
        let seen = ConfigDirObserved { file, text, directory, args, trouble, service, obstacle };
        let obstacle = obstacle::of_files(unit, &self.wanted(&seen)).await?;
        Ok(ConfigDirObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &ConfigDirObserved) -> Result<Delta<FileChange>, Conflict> {
        obstacle::refuse(self.wanted(seen)?, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &ConfigDirObserved) -> Option<RestoreFiles> {
        let files = RestoreFiles::new([(&self.path(), &before.file)])?;
        Some(files.without_directory(&self.directory, &before.directory))
    }

    fn evidence(&self, seen: &ConfigDirObserved) -> Vec<Evidence> {
        let ConfigDirObserved { file, text, args, trouble, .. } = seen;
        let mut found = evidence::of_file(file);
        found.extend(evidence::first_line(text.as_deref()));
        found.extend(args.as_ref().map(|args| Evidence::list("arguments of the next start", args)));
        found.extend(trouble.as_ref().map(|failure| Evidence::text("init script:", &failure.why)));
        found
    }

    fn notes(&self, seen: &ConfigDirObserved, _: Timestamp) -> Vec<Note> {
        if seen.service.starts_by_init_script() {
            return Vec::new();
        }
        vec![Note::decision(
            "D-037",
            format!(
                "systemd starts {} without its init script, so {} is not read and show-args does \
                 not show its arguments",
                self.daemon,
                self.path()
            ),
        )]
    }
}

/// The user of the daemon and of its init script, and its group.
fn user(service: &ServiceState) -> (&str, &str) {
    if service.load == "not-found" || service.group.is_empty() {
        return ("magnum", "magnum");
    }
    (&service.user, &service.group)
}

#[cfg(test)]
#[path = "inject_config_dir_tests.rs"]
mod tests;
