//! Restores files.

use omega_core::{Conflict, Context, Delta, Desired, Subject};
use serde::{Deserialize, Serialize};

use super::{FileChange, Image, obstacle};
use crate::{Access, Error, FileAction, FileState, Obstacle, Unit, UnitPath};

/// Files before a change. It undoes every operation that writes files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RestoreFiles {
    /// The paths, and what was there.
    pub files: Vec<(UnitPath, Image)>,
    /// The directory of one of them, if the change created or removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryImage>,
}

/// A directory before a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryImage {
    /// The path.
    pub path: UnitPath,
    /// Its owner and mode; `None` if it did not exist: it is removed if nothing else is in it.
    pub access: Option<Access>,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FilesObserved {
    /// What is at the paths, in their order.
    pub files: Vec<FileState>,
    /// The directory and the names in it, if one is to be restored.
    pub directory: Option<(FileState, Vec<String>)>,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

impl RestoreFiles {
    /// Returns the desired state with these files; `None` if one was a directory or a device.
    pub(crate) fn new<'a>(
        files: impl IntoIterator<Item = (&'a UnitPath, &'a FileState)>,
    ) -> Option<Self> {
        let files = files.into_iter().map(|(path, was)| Some((path.clone(), Image::of(was)?)));
        Some(Self { files: files.collect::<Option<_>>()?, directory: None })
    }

    /// Adds the directory at `path`, if it did not exist.
    #[must_use]
    pub(crate) fn without_directory(self, path: &UnitPath, was: &FileState) -> Self {
        let directory = (*was == FileState::Absent)
            .then(|| DirectoryImage { path: path.clone(), access: None });
        Self { directory, ..self }
    }

    /// Whether all `names` in the directory are removed.
    fn empties(&self, directory: &UnitPath, names: &[String]) -> bool {
        names.iter().all(|name| self.files.contains(&(directory.join(name), Image::Absent)))
    }
}

impl RestoreFiles {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &FilesObserved) -> Result<Delta<FileChange>, Conflict> {
        let mut changes = Vec::new();
        for ((path, image), state) in self.files.iter().zip(&seen.files) {
            changes.extend(FileChange::restore(path, image, state)?);
        }
        if let (Some(image), Some((state, names))) = (&self.directory, &seen.directory) {
            let path = image.path.clone();
            match (&image.access, state) {
                (Some(access), FileState::Absent) => {
                    let access = access.clone();
                    changes.insert(0, FileAction::MakeDirectory { path, access }.into());
                }
                (None, FileState::Directory { .. }) if self.empties(&path, names) => {
                    changes.push(FileAction::RemoveDirectory { path }.into());
                }
                (Some(_) | None, _) => {}
            }
        }
        Ok(Delta::of(changes))
    }
}

impl Desired for RestoreFiles {
    const KIND: &'static str = "juju.restore-files.v1";
    type Target = Unit;
    type Observed = FilesObserved;
    type Change = FileChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        let paths: Vec<_> = self.files.iter().map(|(path, _)| path.as_str()).collect();
        Subject::new("file", paths.join(", "))
    }

    fn key(&self) -> String {
        self.subject().name
    }

    async fn observe(&self, unit: &Unit) -> Result<FilesObserved, Error> {
        let files = self.files.iter().map(|(path, _)| unit.file(path));
        let directory = async {
            let Some(DirectoryImage { path, .. }) = &self.directory else { return Ok(None) };
            let (state, names) = futures::try_join!(unit.file(path), unit.names(path))?;
            Ok(Some((state, names.unwrap_or_default())))
        };
        let (files, directory) =
            futures::try_join!(futures::future::try_join_all(files), directory)?;
        let seen = FilesObserved { files, directory, obstacle: None };
        let obstacle = obstacle::of_files(unit, &self.wanted(&seen)).await?;
        Ok(FilesObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &FilesObserved) -> Result<Delta<FileChange>, Conflict> {
        obstacle::refuse(self.wanted(seen)?, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &FilesObserved) -> Option<Self> {
        let files = self.files.iter().map(|(path, _)| path).zip(&before.files);
        let directory = self.directory.as_ref().zip(before.directory.as_ref());
        let directory = directory.map(|(DirectoryImage { path, .. }, (state, _))| {
            let access = match state {
                FileState::Directory { owner, group, mode, .. } => {
                    Some(Access::new(owner, group, *mode))
                }
                FileState::Absent
                | FileState::Regular(_)
                | FileState::Link { .. }
                | FileState::Special => None,
            };
            DirectoryImage { path: path.clone(), access }
        });
        Some(Self { directory, ..Self::new(files)? })
    }
}
