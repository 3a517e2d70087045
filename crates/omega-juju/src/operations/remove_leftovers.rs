//! Removes what the superseded graft left behind.

use jiff::Timestamp;
use omega_core::{Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure};
use serde::{Deserialize, Serialize};

use super::{
    DropInObserved, FileChange, Image, RestoreFiles, magnum, systemd_drop_in::observe_drop_in,
};
use crate::{Error, FileState, ServiceName, Unit, UnitPath};

/// Ensures that nothing of the superseded graft is left on the unit.
///
/// That graft wrote `99-capi.conf` and a systemd drop-in for each daemon that replaces
/// `ExecStart`. A drop-in that does something else is somebody's: it is reported and left alone.
/// systemd reads its units when the daemons are restarted ([`super::converge_services`]).
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
/// Fails if the unit does not answer, or refuses a write.
pub async fn remove_leftovers(
    unit: &Unit,
    desired: &RemoveLeftovers,
) -> Result<Outcome<LeftoversObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// No file of the superseded graft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoveLeftovers {}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftoversObserved {
    /// Where the superseded graft put something.
    pub files: Vec<LeftoverObserved>,
}

/// One path at which the superseded graft put something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftoverObserved {
    /// The path.
    pub path: UnitPath,
    /// What is there.
    pub state: FileState,
    /// For a systemd drop-in: the daemon, and what systemd knows of it.
    pub drop_in: Option<(ServiceName, DropInObserved)>,
}

impl LeftoverObserved {
    /// Returns whether it is the superseded graft's.
    pub fn is_leftover(&self) -> bool {
        match &self.drop_in {
            None => self.state != FileState::Absent,
            Some((_, drop_in)) => drop_in.leftover,
        }
    }
}

impl LeftoversObserved {
    /// Returns those that are the superseded graft's.
    pub fn leftovers(&self) -> impl Iterator<Item = &LeftoverObserved> {
        self.files.iter().filter(|file| file.is_leftover())
    }
}

/// Looks for what the superseded graft left on `unit`.
pub(crate) async fn find_leftovers(unit: &Unit) -> Result<LeftoversObserved, Error> {
    let path = magnum::old_dropin();
    let (state, conductor, api) = futures::try_join!(
        unit.file(&path),
        find_drop_in(unit, magnum::conductor()),
        find_drop_in(unit, magnum::api())
    )?;
    let dropin = LeftoverObserved { path, state, drop_in: None };
    Ok(LeftoversObserved { files: vec![dropin, conductor, api] })
}

async fn find_drop_in(unit: &Unit, daemon: ServiceName) -> Result<LeftoverObserved, Error> {
    let path = magnum::systemd_override(&daemon);
    let (state, drop_in) = futures::try_join!(unit.file(&path), observe_drop_in(unit, &daemon))?;
    Ok(LeftoverObserved { path, state, drop_in: Some((daemon, drop_in)) })
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
        find_leftovers(unit).await
    }

    fn diff(&self, seen: &LeftoversObserved) -> Result<Delta<FileChange>, Conflict> {
        let mut changes = Vec::new();
        for file in seen.leftovers() {
            changes.extend(FileChange::restore(&file.path, &Image::Absent, &file.state)?);
        }
        Ok(Delta::of(changes))
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
        let foreign = foreign
            .map(|file| format!("{} is not the superseded graft's, and is left alone", file.path));
        let unread = seen.files.iter().filter_map(|file| file.drop_in.as_ref());
        let unread = unread.filter(|(_, drop_in)| drop_in.unread).map(|(daemon, _)| {
            format!("systemd has not read the units of {daemon} since they changed: a restart does")
        });
        foreign.chain(unread).map(Note::new).collect()
    }
}

#[cfg(test)]
#[path = "remove_leftovers_tests.rs"]
mod tests;
