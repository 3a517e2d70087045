//! A change to a file or directory.

use omega_core::{
    Conflict,
    values::{FileMode, Secret, Sha256},
};
use serde::{Deserialize, Serialize};

use super::Image;
use crate::{Access, Download, Error, FileAction, FileState, Payload, Placement, Unit, UnitPath};

/// The content that is sent with a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// None.
    #[default]
    Nothing,
    /// This text, which holds no secret.
    Text(String),
    /// The content with the file's digest, from the handle's [`Sources`](crate::Sources).
    Source {
        /// The source's name, for display.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
}

/// The source of a file's content.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Sent(Sent),
    BeforeImage,
    Download(Download),
}

/// One write to a file or a directory, with its description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileChange {
    /// The action.
    pub action: FileAction,
    /// What is replaced; `None` for directories.
    pub was: Option<Image>,
    /// The content that is sent.
    pub sent: Sent,
    /// Lines of detail for the operator.
    pub shows: Vec<String>,
}

impl From<FileAction> for FileChange {
    fn from(action: FileAction) -> Self {
        Self { action, was: None, sent: Sent::Nothing, shows: Vec::new() }
    }
}

impl FileChange {
    /// Returns the change from `state` to a file with this content, owner and mode, if any is needed.
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

    /// Returns the change from `state` back to `image`, if any is needed.
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

    /// Returns the change that creates the directory at `path`. An existing directory is not changed.
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
                let why = format!("{path} exists and is not a directory");
                Err(Conflict::new(why, format!("look at it (ls -ld {path}) and move it away")))
            }
        }
    }

    /// Adds lines of detail if it writes a file.
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

/// Refuses a symbolic link: something else may manage it.
pub(crate) fn refuse_link(path: &UnitPath, state: &FileState) -> Result<(), Conflict> {
    let FileState::Link { target, .. } = state else { return Ok(()) };
    let next = format!("find out what manages it, then remove the link: rm {path}");
    Err(Conflict::new(format!("{path} is a symbolic link"), next)
        .seen("a regular file, or nothing", format!("a link to {target}")))
}

fn occupied(path: &UnitPath) -> Conflict {
    Conflict::new(
        format!("{path} is neither a file nor a link"),
        format!("look at it (ls -ld {path}) and move it away"),
    )
    .seen("a regular file, a link, or nothing", "a directory or a device")
}

/// Returns the lines of a diff.
pub(crate) fn line_diff(old: &str, new: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(old, new);
    let lines = diff
        .iter_all_changes()
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches(['\n', '\r'])));
    lines.collect()
}
