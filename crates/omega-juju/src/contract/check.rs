use std::fmt::Debug;

use omega_core::{
    Diagnostic as _, Touched,
    values::{FileMode, Secret, Sha256},
};

use crate::{
    Access, Action, Channel, Error, Expect, FileAction, FileState, Payload, Placement, Probe,
    Reply, ServiceName, UnitPath,
};

/// The machine under test.
#[derive(Clone, Debug)]
pub struct Site {
    /// A running Magnum daemon with its init script: `magnum-conductor`.
    pub service: ServiceName,
    /// Two versions of one distribution, the older first. Neither is installed.
    pub wheels: [Wheel; 2],
    /// The distribution's name.
    pub distribution: String,
    /// Whether the interpreter is externally managed, so that pip needs `--break-system-packages`.
    pub break_system_packages: bool,
}

/// A wheel.
#[derive(Clone, Debug)]
pub struct Wheel {
    /// Its version.
    pub version: String,
    /// Its file name.
    pub file_name: String,
    /// Its content.
    pub bytes: Secret,
}

/// A clause that does not hold.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{clause}: expected {expected}, found {found}")]
pub struct Broken {
    /// The clause.
    pub clause: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// One clause, on one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clause<'a> {
    pub(super) name: &'static str,
    pub(super) channel: &'a dyn Channel,
}

type Checked<T = ()> = Result<T, Broken>;

impl Clause<'_> {
    pub(super) fn broken(&self, expected: impl Into<String>, found: impl Debug) -> Broken {
        Broken { clause: self.name, expected: expected.into(), found: format!("{found:?}") }
    }

    pub(super) fn same<T: PartialEq + Debug>(
        &self,
        what: &str,
        found: &T,
        expected: &T,
    ) -> Checked {
        if found == expected {
            return Ok(());
        }
        Err(self.broken(format!("{what} {expected:?}"), found))
    }

    pub(super) fn that(&self, holds: bool, expected: &str, found: impl Debug) -> Checked {
        if holds { Ok(()) } else { Err(self.broken(expected, found)) }
    }

    /// Sends probes, and expects as many replies.
    pub(super) async fn ask(&self, probes: &[Probe]) -> Checked<Vec<Reply>> {
        let replies = self.channel.ask(probes).await;
        let replies = replies.map_err(|error| self.broken("replies", error))?;
        self.same("replies", &replies.len(), &probes.len())?;
        Ok(replies)
    }

    pub(super) async fn ask_one(&self, probe: Probe) -> Checked<Reply> {
        let mut replies = self.ask(&[probe]).await?;
        replies.pop().ok_or_else(|| self.broken("a reply", "none"))
    }

    pub(super) async fn file(&self, path: &UnitPath) -> Checked<FileState> {
        match self.ask_one(Probe::File { path: path.clone() }).await? {
            Reply::File(state) => Ok(state),
            other => Err(self.broken("a reply to File", other)),
        }
    }

    /// Performs an action, and expects success.
    pub(super) async fn act(&self, action: &Action, payload: Payload) -> Checked {
        let done = self.channel.act(action, payload, None).await;
        done.map_err(|error| {
            let found = (error.to_string(), error.expected(), error.found());
            self.broken(format!("{action:?} to be done"), found)
        })
    }

    /// Performs an action, and expects that it is refused without an effect.
    pub(super) async fn refused(&self, action: &Action, payload: Payload) -> Checked<Error> {
        match self.channel.act(action, payload, None).await {
            Ok(()) => Err(self.broken(format!("{action:?} to be refused"), "it was done")),
            Err(error) if error.touched() == Touched::Nothing => Ok(error),
            Err(error) => Err(self.broken("nothing touched by a refusal", error)),
        }
    }

    pub(super) fn path(&self, text: &str) -> Checked<UnitPath> {
        text.parse().map_err(|error| self.broken("a path", error))
    }
}

pub(super) fn bytes(text: &str) -> Payload {
    Secret::from(text.to_owned()).into()
}

/// Places a file that belongs to root and is readable by all.
pub(super) fn place(path: &UnitPath, text: &str, expect: Expect) -> Action {
    let (path, access) = (path.clone(), Access::root(FileMode::PUBLIC));
    let sha256 = Sha256::of(text.as_bytes());
    FileAction::PlaceFile(Placement { path, access, sha256, expect }).into()
}

pub(super) fn remove(path: &UnitPath, text: &str) -> Action {
    let expect = Expect::Sha256(Sha256::of(text.as_bytes()));
    FileAction::RemoveFile { path: path.clone(), expect }.into()
}

pub(super) fn directory(path: &UnitPath, mode: FileMode) -> Action {
    FileAction::MakeDirectory { path: path.clone(), access: Access::root(mode) }.into()
}

pub(super) fn no_directory(path: &UnitPath) -> Action {
    FileAction::RemoveDirectory { path: path.clone() }.into()
}
