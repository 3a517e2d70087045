//! What `/etc/default/DAEMON` should say, so that the daemon's next start carries `--config-dir`
//! once.

use omega_core::{Conflict, values::FileMode};

use super::daemon_args;
use crate::{Access, FileState, ProbeFailure, ServiceName, UnitPath};

/// What is known of the file, and of what the init script makes of it.
#[derive(Debug)]
pub(super) struct DefaultsFile<'a> {
    /// The daemon whose init script sources it.
    pub(super) daemon: &'a ServiceName,
    /// Where it is.
    pub(super) path: &'a UnitPath,
    /// The directory that the next start should name.
    pub(super) directory: &'a UnitPath,
    /// The daemon's configuration file, which the next start must name too.
    pub(super) config_file: &'a UnitPath,
    /// What is at the path.
    pub(super) state: &'a FileState,
    /// Its text.
    pub(super) text: Option<&'a str>,
    /// What the init script would start.
    pub(super) args: Result<Option<&'a [String]>, &'a ProbeFailure>,
}

impl<'a> DefaultsFile<'a> {
    /// Returns the text that it has and the one that it should have.
    ///
    /// # Errors
    ///
    /// Refuses what can't be edited safely, and what an edit would not change.
    pub(super) fn edited(&self) -> Result<(&'a str, String), Conflict> {
        let (text, args) = (self.text()?, self.args()?);
        if self.carries(args) {
            return Ok((text, text.to_owned()));
        }
        let path = self.path;
        let edited = daemon_args::edit(text, self.directory).map_err(|error| {
            let why = format!("{path} can't be edited safely: line {}: {}", error.line, error.why);
            Conflict::new(why, error.next)
        })?;
        let closed = matches!(self.state, FileState::Regular(facts)
            if Access::of(facts) != self.access());
        let from_elsewhere =
            daemon_args::count(args, self.directory) > daemon_args::count_in(text, self.directory);
        if !from_elsewhere && (edited != text || closed) {
            return Ok((text, edited));
        }
        Err(self.of_no_effect(args, from_elsewhere))
    }

    /// Returns the access that the file should have. The init script runs as the daemon's user and
    /// skips, silently, a file that it can't read. One that it can is not opened to everybody.
    pub(super) fn access(&self) -> Access {
        let FileState::Regular(facts) = self.state else { return Access::root(FileMode::PUBLIC) };
        let bits = facts.mode.bits();
        let reads = (facts.owner == USER && bits & 0o400 != 0)
            || (facts.group == USER && bits & 0o040 != 0)
            || bits & 0o004 != 0;
        let mode = FileMode::from_bits_truncate(if reads { bits } else { bits | 0o444 });
        Access { mode, ..Access::of(facts) }
    }

    /// Whether the next start is as it should be.
    fn carries(&self, args: &[String]) -> bool {
        daemon_args::count(args, self.directory) == 1
            && daemon_args::has_config_file(args, self.config_file)
            && !args.iter().any(|word| word.contains('$'))
    }

    fn args(&self) -> Result<&'a [String], Conflict> {
        match self.args {
            Ok(Some(args)) => Ok(args),
            Err(ProbeFailure { why, .. }) => Err(Conflict::new(
                format!("what the next start of {} would be can't be told: {why}", self.daemon),
                format!("correct {}: as it is, the daemon would not start", self.path),
            )),
            Ok(None) => Err(Conflict::new(
                format!(
                    "/etc/init.d/{} is not there, or does not say what it would start",
                    self.daemon
                ),
                format!(
                    "check the unit's name; if the script is there, look for an exit in {}",
                    self.path
                ),
            )),
        }
    }

    fn text(&self) -> Result<&'a str, Conflict> {
        match (self.state, self.text) {
            // show-args does not show them: they would be part of the directory's name.
            (_, Some(text)) if text.contains('\r') => Err(Conflict::new(
                format!("{} has carriage returns, which become part of the values", self.path),
                format!("convert it: sed -i 's/\\r$//' {}", self.path),
            )),
            (_, Some(text)) => Ok(text),
            (FileState::Absent, None) => Ok(""),
            (_, None) => Err(Conflict::new(
                format!("{} is not text, or larger than 64 KiB", self.path),
                "look at it; a file of shell variables is expected there",
            )),
        }
    }

    fn of_no_effect(&self, args: &[String], from_elsewhere: bool) -> Conflict {
        let (path, directory) = (self.path, self.directory);
        let why = if from_elsewhere {
            format!("something else than {path} adds --config-dir {directory}, not just once")
        } else {
            format!("{path} is as it should be, and has no effect")
        };
        let next = "look at /etc/default/openstack and at the init script: one of them changes \
                    DAEMON_ARGS";
        Conflict::new(why, next).seen(format!("--config-dir {directory} once"), args.join(" "))
    }
}

/// Who the daemons and their init scripts run as, and its group.
const USER: &str = "magnum";
