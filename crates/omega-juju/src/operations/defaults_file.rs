//! The desired content of `/etc/default/DAEMON`, with which the daemon's next start has
//! `--config-dir` exactly once.

use omega_core::{Conflict, values::FileMode};

use super::daemon_args;
use crate::{Access, FileState, ProbeFailure, ServiceName, UnitPath};

/// The observed file, and the arguments for the next start.
#[derive(Debug)]
pub(super) struct DefaultsFile<'a> {
    /// The daemon whose init script sources it.
    pub(super) daemon: &'a ServiceName,
    /// Its user and group.
    pub(super) user: (&'a str, &'a str),
    /// Its path.
    pub(super) path: &'a UnitPath,
    /// The directory for `--config-dir`.
    pub(super) directory: &'a UnitPath,
    /// The daemon's configuration file, which the next start must have too.
    pub(super) config_file: &'a UnitPath,
    /// What is at the path.
    pub(super) state: &'a FileState,
    /// Its text.
    pub(super) text: Option<&'a str>,
    /// The arguments for the next start.
    pub(super) args: Result<Option<&'a [String]>, &'a ProbeFailure>,
}

impl<'a> DefaultsFile<'a> {
    /// Returns the current and the desired text.
    ///
    /// # Errors
    ///
    /// Refuses a file that can't be edited safely, or whose edit would have no effect.
    pub(super) fn edited(&self) -> Result<(&'a str, String), Conflict> {
        let (text, args) = (self.text()?, self.args()?);
        if self.is_desired(args) {
            return Ok((text, text.to_owned()));
        }
        let path = self.path;
        let edited = daemon_args::edit(text, self.directory).map_err(|error| {
            let why = format!("{path} can't be edited safely: line {}: {}", error.line, error.why);
            Conflict::new(why, error.next)
        })?;
        self.refuse_lost_file(text, &edited, args)?;
        let closed = matches!(self.state, FileState::Regular(facts)
            if Access::of(facts) != self.access());
        let from_elsewhere =
            daemon_args::count(args, self.directory) > daemon_args::count_in(text, self.directory);
        if !from_elsewhere && (edited != text || closed) {
            return Ok((text, edited));
        }
        Err(self.no_effect(args, from_elsewhere))
    }

    /// Returns the owner and mode that the file should have. The init script runs as the daemon's
    /// user and silently skips a file that it can't read. A file that it can read keeps its mode.
    pub(super) fn access(&self) -> Access {
        let FileState::Regular(facts) = self.state else { return Access::root(FileMode::PUBLIC) };
        let bits = facts.mode.bits();
        let (user, group) = self.user;
        let reads = (facts.owner == user && bits & 0o400 != 0)
            || (facts.group == group && bits & 0o040 != 0)
            || bits & 0o004 != 0;
        let mode = FileMode::from_bits_truncate(if reads { bits } else { bits | 0o444 });
        Access { mode, ..Access::of(facts) }
    }

    /// Refuses a text to which lines are only added, if the next start has no `--config-file` now:
    /// show-args has the truth, and an added line would not bring it back.
    fn refuse_lost_file(&self, text: &str, edited: &str, args: &[String]) -> Result<(), Conflict> {
        let only_added = edited.starts_with(text.trim_end_matches('\n'));
        if daemon_args::has_config_file(args, self.config_file) || !only_added {
            return Ok(());
        }
        let why = format!("the next start of {} has no --config-file", self.daemon);
        let next = format!(
            "find out which line changes DAEMON_ARGS so ({} or /etc/default/openstack), and correct it",
            self.path
        );
        let expected = format!("--config-file {}", self.config_file);
        Err(Conflict::new(why, next).seen(expected, args.join(" ")))
    }

    /// Whether the arguments for the next start are the desired ones.
    fn is_desired(&self, args: &[String]) -> bool {
        daemon_args::count(args, self.directory) == 1
            && daemon_args::has_config_file(args, self.config_file)
            && !args.iter().any(|arg| arg.contains('$'))
    }

    fn args(&self) -> Result<&'a [String], Conflict> {
        match self.args {
            Ok(Some(args)) => Ok(args),
            Err(ProbeFailure { why, .. }) => Err(Conflict::new(
                format!("the arguments for the next start of {} are not known: {why}", self.daemon),
                format!("correct {}: with this error, the daemon would not start", self.path),
            )),
            Ok(None) => Err(Conflict::new(
                format!("/etc/init.d/{} does not exist, or show-args prints nothing", self.daemon),
                format!(
                    "check the unit's name; if the script exists, look for an exit in {}",
                    self.path
                ),
            )),
        }
    }

    fn text(&self) -> Result<&'a str, Conflict> {
        match (self.state, self.text) {
            // show-args does not display them: they would be part of the directory's name.
            (_, Some(text)) if text.contains('\r') => Err(Conflict::new(
                format!("{} has carriage returns, which become part of the values", self.path),
                format!("convert it: sed -i 's/\\r$//' {}", self.path),
            )),
            (_, Some(text)) => Ok(text),
            (FileState::Absent, None) => Ok(""),
            (_, None) => Err(Conflict::new(
                format!("{} is not text, or larger than 64 KiB", self.path),
                "look at it: it should be a file of shell variables",
            )),
        }
    }

    fn no_effect(&self, args: &[String], from_elsewhere: bool) -> Conflict {
        let (path, directory) = (self.path, self.directory);
        let why = if from_elsewhere {
            format!("another file than {path} adds --config-dir {directory}")
        } else {
            format!("{path} has the desired content, but no effect")
        };
        let next = "look at /etc/default/openstack and the init script: one of them changes \
                    DAEMON_ARGS";
        Conflict::new(why, next).seen(format!("--config-dir {directory} once"), args.join(" "))
    }
}
