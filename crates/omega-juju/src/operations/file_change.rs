//! One write to a file, with what a person should know of it.

use omega_core::{
    Conflict,
    values::{FileMode, Secret, Sha256},
};
use serde::{Deserialize, Serialize};

use super::Image;
use crate::{Access, Download, Error, FileAction, FileState, Payload, Placement, Unit, UnitPath};

/// Bytes that are sent with a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// None: the unit has them, gets them itself, or needs none.
    #[default]
    Nothing,
    /// This text, which holds no secret.
    Text(String),
    /// The bytes with the file's digest, from the handle's [`Sources`](crate::Sources).
    Source {
        /// The source's name, for the person.
        name: String,
        /// Bytes.
        size: usize,
    },
}

/// Where the bytes of a file come from.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Sent(Sent),
    BeforeImage,
    Download(Download),
}

/// One write to a file or a directory: the action, and what a person should know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileChange {
    /// What is done.
    pub action: FileAction,
    /// What is at the path and goes; `None` for directories.
    pub was: Option<Image>,
    /// What is sent along.
    pub sent: Sent,
    /// Lines for who wants to know exactly.
    pub shows: Vec<String>,
}

impl From<FileAction> for FileChange {
    fn from(action: FileAction) -> Self {
        Self { action, was: None, sent: Sent::Nothing, shows: Vec::new() }
    }
}

impl FileChange {
    /// Returns what is left to do for a file with these bytes and this access, where `state` was
    /// seen.
    pub(crate) fn write(
        path: &UnitPath,
        access: &Access,
        sha256: Sha256,
        content: Content,
        state: &FileState,
    ) -> Result<Option<Self>, Conflict> {
        let was = Image::of(state).ok_or_else(|| occupied(path))?;
        let (path, access) = (path.clone(), access.clone());
        if let Image::File { sha256: same, access: had } = &was
            && *same == sha256
        {
            let action = FileAction::SetFileMode { path, access: access.clone() };
            return Ok((*had != access).then(|| Self { was: Some(was), ..action.into() }));
        }
        let file = Placement { path, access, sha256, expect: was.expect() };
        let (action, sent) = match content {
            Content::Sent(sent) => (FileAction::PlaceFile(file), sent),
            Content::BeforeImage => (FileAction::RestoreFile(file), Sent::Nothing),
            Content::Download(from) => (FileAction::FetchFile { file, from }, Sent::Nothing),
        };
        Ok(Some(Self { was: Some(was), sent, ..action.into() }))
    }

    /// Returns the change that leads from `state` back to `image`.
    pub(crate) fn restore(
        path: &UnitPath,
        image: &Image,
        state: &FileState,
    ) -> Result<Option<Self>, Conflict> {
        let was = Image::of(state).ok_or_else(|| occupied(path))?;
        if *image == was {
            return Ok(None);
        }
        let (path, expect) = (path.clone(), was.expect());
        let action = match image {
            Image::File { sha256, access } => {
                return Self::write(&path, access, *sha256, Content::BeforeImage, state);
            }
            Image::Link { target } => FileAction::MakeLink { path, target: target.clone(), expect },
            Image::Absent => FileAction::RemoveFile { path, expect },
        };
        Ok(Some(Self { was: Some(was), ..action.into() }))
    }

    /// Returns the change that makes the directory at `path`, if it is not there. One that is there
    /// is left as it is.
    pub(crate) fn make_directory(
        path: &UnitPath,
        state: &FileState,
    ) -> Result<Option<Self>, Conflict> {
        match state {
            FileState::Directory { .. } => Ok(None),
            FileState::Absent => {
                let access = Access::root(FileMode::PROGRAM);
                Ok(Some(FileAction::MakeDirectory { path: path.clone(), access }.into()))
            }
            FileState::Regular(_) | FileState::Link { .. } | FileState::Special => {
                let why = format!("{path} is there, and is not a directory");
                Err(Conflict::new(why, format!("look at it (ls -ld {path}) and move it away")))
            }
        }
    }

    /// Adds lines of detail, if it writes a file.
    #[must_use]
    pub(crate) fn showing(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        if self.placement().is_some() {
            self.shows.extend(lines);
        }
        self
    }

    /// Performs the change, once.
    pub(crate) async fn perform(&self, unit: &Unit) -> Result<(), Error> {
        let payload = match (&self.sent, self.placement()) {
            (Sent::Text(text), _) => Secret::from(text.clone()).into(),
            (Sent::Source { name, size: _ }, Some(file)) => unit.source(name, &file.sha256)?,
            (Sent::Source { .. }, None) | (Sent::Nothing, _) => Payload::Null,
        };
        unit.act(&self.action.clone().into(), payload).await
    }

    pub(super) fn placement(&self) -> Option<&Placement> {
        match &self.action {
            FileAction::PlaceFile(file)
            | FileAction::RestoreFile(file)
            | FileAction::FetchFile { file, .. } => Some(file),
            FileAction::MakeDirectory { .. }
            | FileAction::RemoveDirectory { .. }
            | FileAction::MakeLink { .. }
            | FileAction::SetFileMode { .. }
            | FileAction::RemoveFile { .. } => None,
        }
    }
}

/// Refuses a link where the daemon's own configuration belongs.
pub(crate) fn refuse_link(path: &UnitPath, state: &FileState) -> Result<(), Conflict> {
    let FileState::Link { target, .. } = state else { return Ok(()) };
    let next = format!("find out who manages it, then remove the link: rm {path}");
    Err(Conflict::new(format!("{path} is a symbolic link, and somebody made it one"), next)
        .seen("a regular file, or nothing", format!("a link to {target}")))
}

fn occupied(path: &UnitPath) -> Conflict {
    Conflict::new(
        format!("{path} is neither a file nor a link"),
        format!("look at it (ls -ld {path}) and move it away"),
    )
    .seen("a regular file, a link, or nothing", "a directory or a device")
}

/// Returns the lines that go and come.
pub(crate) fn line_diff(old: &str, new: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(old, new);
    let lines = diff
        .iter_all_changes()
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches(['\n', '\r'])));
    lines.collect()
}
