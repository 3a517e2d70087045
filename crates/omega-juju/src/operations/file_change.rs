//! One write to a file, with what a person should know of it.

use omega_core::{
    ChangeKind, Conflict, Describe, Diff, Subject,
    values::{FileMode, Secret, Sha256},
};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Download, Error, Expect, FileAction, FileState, Payload, Placement, Unit, UnitPath,
};

/// What was at a path, without its bytes: enough to bring it back, since what is replaced is kept
/// on the unit by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Its digest.
        sha256: Sha256,
        /// Its access.
        access: Access,
    },
    /// A symbolic link.
    Link {
        /// What it points to.
        target: String,
    },
}

impl Image {
    /// Returns the image of what was seen; `None` for a directory or a device.
    pub fn of(state: &FileState) -> Option<Self> {
        match state {
            FileState::Absent => Some(Self::Absent),
            FileState::Regular(facts) => {
                Some(Self::File { sha256: facts.sha256, access: Access::of(facts) })
            }
            FileState::Link { target, .. } => Some(Self::Link { target: target.clone() }),
            FileState::Directory { .. } | FileState::Special => None,
        }
    }

    fn expect(&self) -> Expect {
        match self {
            Self::Absent => Expect::Absent,
            Self::File { sha256, access: _ } => Expect::Sha256(*sha256),
            Self::Link { .. } => Expect::Link,
        }
    }
}

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

    fn placement(&self) -> Option<&Placement> {
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

    fn written(&self, file: &Placement) -> String {
        let Placement { access, sha256, .. } = file;
        let digest = format!("sha256 {}…", sha256.short());
        let size = match &self.sent {
            Sent::Source { name: _, size } => format!("{}, ", bytes(*size)),
            Sent::Text(text) => format!("{}, ", bytes(text.len())),
            Sent::Nothing => String::new(),
        };
        let restored = matches!(self.action, FileAction::RestoreFile(_));
        let restored = if restored { "back to what it was: " } else { "" };
        match &self.was {
            Some(Image::Link { target }) => format!(
                "{restored}a regular file for the link to {target}: {access}, {size}{digest}"
            ),
            Some(Image::File { sha256: old, access: had }) => {
                let from = if had == access { String::new() } else { format!("{had} -> ") };
                let (old, new) = (old.short(), sha256.short());
                format!("{restored}sha256 {old}… -> {new}…, {from}{access}")
            }
            Some(Image::Absent) | None => format!("{restored}{access}, {size}{digest}"),
        }
    }
}

impl Describe for FileChange {
    fn describe(&self) -> Diff {
        let file = |path: &UnitPath| Subject::new("file", path.to_string());
        let directory = |path: &UnitPath| Subject::new("directory", path.to_string());
        let create = matches!(self.was, None | Some(Image::Absent));
        let verb = if create { ChangeKind::Create } else { ChangeKind::Update };
        let diff = match &self.action {
            FileAction::MakeDirectory { path, access } => {
                Diff::new(ChangeKind::Create, directory(path), access.to_string())
            }
            FileAction::RemoveDirectory { path } => {
                Diff::new(ChangeKind::Delete, directory(path), "it is empty")
            }
            FileAction::PlaceFile(new)
            | FileAction::RestoreFile(new)
            | FileAction::FetchFile { file: new, .. } => {
                Diff::new(verb, file(&new.path), self.written(new))
            }
            FileAction::SetFileMode { path, access } => {
                let had = match &self.was {
                    Some(Image::File { access, .. }) => access.to_string(),
                    Some(Image::Absent | Image::Link { .. }) | None => "?".to_owned(),
                };
                Diff::new(ChangeKind::Update, file(path), format!("{had} -> {access}"))
            }
            FileAction::MakeLink { path, target, .. } => {
                Diff::new(verb, file(path), format!("a link to {target}, as it was"))
            }
            FileAction::RemoveFile { path, .. } => {
                Diff::new(ChangeKind::Delete, file(path), removed(self.was.as_ref()))
            }
        };
        self.shows.iter().fold(diff, Diff::with)
    }
}

fn removed(was: Option<&Image>) -> String {
    match was {
        Some(Image::Link { target }) => format!("the link to {target}, not what it leads to"),
        Some(Image::File { sha256, access }) => {
            format!("{access}, sha256 {}…, kept on the unit", sha256.short())
        }
        Some(Image::Absent) | None => "nothing".to_owned(),
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

/// Returns a size as people read it.
#[expect(clippy::cast_precision_loss, reason = "it is rounded to a tenth")]
fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}
