//! Removes the files of the superseded graft.

use jiff::Timestamp;
use omega_core::{Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure};
use serde::{Deserialize, Serialize};

use super::{
    DropInObserved, FileChange, Image, RestoreFiles, magnum, obstacle,
    systemd_drop_in::observe_drop_in,
};
use crate::{Error, FileState, Obstacle, ServiceName, Unit, UnitPath};

/// Ensures that no file of the superseded graft is left on the unit.
///
/// That graft wrote `99-capi.conf`, and a systemd drop-in for each daemon that replaces `ExecStart`.
/// Any other drop-in is reported and not changed. The daemon-reload is part of
/// [`super::converge_services`].
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{RemoveLeftovers, remove_leftovers}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let done = remove_leftovers(unit, &RemoveLeftovers::default()).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if the unit does not answer, or a write fails.
pub async fn remove_leftovers(
    unit: &Unit,
    desired: &RemoveLeftovers,
) -> Result<Outcome<LeftoversObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The desired state without files of the superseded graft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoveLeftovers {}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftoversObserved {
    /// The paths that the superseded graft used.
    pub files: Vec<LeftoverObserved>,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

/// A path that the superseded graft used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftoverObserved {
    /// The path.
    pub path: UnitPath,
    /// What is at the path.
    pub state: FileState,
    /// For a systemd drop-in: the daemon and the drop-in.
    pub drop_in: Option<(ServiceName, DropInObserved)>,
}

impl LeftoverObserved {
    /// Returns whether it is a file of the superseded graft.
    pub fn is_leftover(&self) -> bool {
        match &self.drop_in {
            None => self.state != FileState::Absent,
            Some((_, drop_in)) => drop_in.leftover,
        }
    }
}

impl LeftoversObserved {
    /// Returns the files of the superseded graft.
    pub fn leftovers(&self) -> impl Iterator<Item = &LeftoverObserved> {
        self.files.iter().filter(|file| file.is_leftover())
    }
}

/// Looks for files of the superseded graft on `unit`.
pub(crate) async fn find_leftovers(unit: &Unit) -> Result<LeftoversObserved, Error> {
    let path = magnum::old_dropin();
    let (state, conductor, api) = futures::try_join!(
        unit.file(&path),
        find_drop_in(unit, magnum::conductor()),
        find_drop_in(unit, magnum::api())
    )?;
    let dropin = LeftoverObserved { path, state, drop_in: None };
    Ok(LeftoversObserved { files: vec![dropin, conductor, api], obstacle: None })
}

async fn find_drop_in(unit: &Unit, daemon: ServiceName) -> Result<LeftoverObserved, Error> {
    let path = magnum::systemd_override(&daemon);
    let (state, drop_in) = futures::try_join!(unit.file(&path), observe_drop_in(unit, &daemon))?;
    Ok(LeftoverObserved { path, state, drop_in: Some((daemon, drop_in)) })
}

impl RemoveLeftovers {
    /// The changes, whatever would stop them.
    fn wanted(seen: &LeftoversObserved) -> Result<Delta<FileChange>, Conflict> {
        let mut changes = Vec::new();
        for file in seen.leftovers() {
            changes.extend(FileChange::restore(&file.path, &Image::Absent, &file.state)?);
        }
        Ok(Delta::of(changes))
    }
}

impl Desired for RemoveLeftovers {
    const KIND: &'static str = "juju.leftovers.v1";
    type Target = Unit;
    type Observed = LeftoversObserved;
    type Change = FileChange;
    type Undo = RestoreFiles;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("leftover", "of the superseded graft")
    }

    fn key(&self) -> String {
        "superseded-graft".to_owned()
    }

    async fn observe(&self, unit: &Unit) -> Result<LeftoversObserved, Error> {
        let seen = find_leftovers(unit).await?;
        let obstacle = obstacle::of_files(unit, &Self::wanted(&seen)).await?;
        Ok(LeftoversObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &LeftoversObserved) -> Result<Delta<FileChange>, Conflict> {
        obstacle::refuse(Self::wanted(seen)?, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &LeftoversObserved) -> Option<RestoreFiles> {
        RestoreFiles::new(before.leftovers().map(|file| (&file.path, &file.state)))
    }

    fn notes(&self, seen: &LeftoversObserved, _: Timestamp) -> Vec<Note> {
        let there = |file: &&LeftoverObserved| file.state != FileState::Absent;
        let foreign = seen.files.iter().filter(there).filter(|file| !file.is_leftover());
        let foreign = foreign.map(|file| {
            format!("{} is not from the superseded graft and is not changed", file.path)
        });
        let unread = seen.files.iter().filter_map(|file| file.drop_in.as_ref());
        let unread = unread.filter(|(_, drop_in)| drop_in.unread).map(|(daemon, _)| {
            format!("the units of {daemon} changed since the last daemon-reload: it comes with the restart")
        });
        foreign.chain(unread).map(Note::new).collect()
    }
}

#[cfg(test)]
#[path = "remove_leftovers_tests.rs"]
mod tests;
