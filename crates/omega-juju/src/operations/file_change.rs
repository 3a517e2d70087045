//! One write to a file, as several operations need it.

use std::fmt;

use omega_core::{
    ChangeKind, Conflict, Describe, Diff, Subject,
    values::{FileMode, Secret, Sha256},
};
use serde::{Deserialize, Serialize};

use crate::{Action, Error, Expect, FileFacts, FileState, Payload, Unit, UnitPath};

/// Owner, group and permission bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// The permission bits.
    pub mode: FileMode,
}

impl Access {
    /// Returns the access.
    pub fn new(owner: &str, group: &str, mode: FileMode) -> Self {
        Self { owner: owner.to_owned(), group: group.to_owned(), mode }
    }

    /// Returns root's access with `mode`.
    pub fn root(mode: FileMode) -> Self {
        Self::new("root", "root", mode)
    }

    /// Returns the access of a file.
    pub fn of(facts: &FileFacts) -> Self {
        Self::new(&facts.owner, &facts.group, facts.mode)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}", self.owner, self.group, self.mode)
    }
}

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
        /// What it says.
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

/// Where the bytes of a write come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bytes {
    /// From this side, by digest, at the moment of the write.
    Source {
        /// The source's name, for the person.
        name: String,
        /// Bytes.
        size: usize,
    },
    /// This text, which holds no secret.
    Text {
        /// The text.
        text: String,
    },
    /// From the before-image of that digest on the unit.
    BeforeImage,
    /// The unit downloads them.
    Url {
        /// Where from.
        url: String,
        /// The digest of the archive, where it is one.
        archive_sha256: Option<Sha256>,
        /// The path in the archive, where it is one.
        member: Option<String>,
    },
}

/// A file that will have these bytes and this access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWrite {
    /// The path.
    pub path: UnitPath,
    /// The access it will have.
    pub access: Access,
    /// The digest it will have.
    pub sha256: Sha256,
    /// Where the bytes come from.
    pub bytes: Bytes,
    /// What is replaced, and must still be there at the moment of the write.
    pub over: Image,
    /// Lines for who wants to know exactly.
    pub shows: Vec<String>,
}

/// One write to a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum FileChange {
    /// Makes a directory.
    MakeDirectory {
        /// The path.
        path: UnitPath,
        /// Its access.
        access: Access,
    },
    /// Removes an empty directory.
    RemoveDirectory {
        /// The path.
        path: UnitPath,
    },
    /// Writes a file.
    Write(FileWrite),
    /// Sets owner, group and mode of a file.
    SetAccess {
        /// The path.
        path: UnitPath,
        /// The access it will have.
        access: Access,
        /// The access it has.
        was: Access,
    },
    /// Makes a link.
    Link {
        /// The path.
        path: UnitPath,
        /// What it will say.
        target: String,
        /// What is replaced.
        over: Image,
    },
    /// Removes a file or a link.
    Remove {
        /// The path.
        path: UnitPath,
        /// What is removed.
        over: Image,
    },
}

impl FileWrite {
    /// Returns what is left to do where `state` was seen.
    pub(crate) fn after(
        path: &UnitPath,
        access: &Access,
        sha256: Sha256,
        bytes: Bytes,
        state: &FileState,
    ) -> Result<Option<FileChange>, Conflict> {
        let over = Image::of(state).ok_or_else(|| occupied(path))?;
        Ok(match over {
            Image::File { sha256: same, access: was } if same == sha256 => (was != *access)
                .then(|| FileChange::SetAccess { path: path.clone(), access: access.clone(), was }),
            over @ (Image::Absent | Image::File { .. } | Image::Link { .. }) => {
                Some(FileChange::Write(Self {
                    path: path.clone(),
                    access: access.clone(),
                    sha256,
                    bytes,
                    over,
                    shows: Vec::new(),
                }))
            }
        })
    }
}

impl FileChange {
    /// Returns the changes that lead from `state` back to `image`.
    pub(crate) fn back(
        path: &UnitPath,
        image: &Image,
        state: &FileState,
    ) -> Result<Option<Self>, Conflict> {
        let over = Image::of(state).ok_or_else(|| occupied(path))?;
        Ok(match image {
            image if *image == over => None,
            Image::File { sha256, access } => {
                FileWrite::after(path, access, *sha256, Bytes::BeforeImage, state)?
            }
            Image::Link { target } => {
                Some(Self::Link { path: path.clone(), target: target.clone(), over })
            }
            Image::Absent => Some(Self::Remove { path: path.clone(), over }),
        })
    }

    /// Adds lines of detail, if it writes.
    #[must_use]
    pub(crate) fn showing(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        if let Self::Write(write) = &mut self {
            write.shows.extend(lines);
        }
        self
    }

    /// Performs the change, once.
    pub(crate) async fn perform(&self, unit: &Unit) -> Result<(), Error> {
        let payload = match self {
            Self::Write(write) => write.payload(unit)?,
            Self::MakeDirectory { .. }
            | Self::RemoveDirectory { .. }
            | Self::SetAccess { .. }
            | Self::Link { .. }
            | Self::Remove { .. } => Payload::Null,
        };
        unit.act(&self.action(), payload).await
    }

    fn action(&self) -> Action {
        match self.clone() {
            Self::MakeDirectory { path, access: Access { owner, group, mode } } => {
                Action::MakeDirectory { path, owner, group, mode }
            }
            Self::RemoveDirectory { path } => Action::RemoveDirectory { path },
            Self::Write(write) => write.action(),
            Self::SetAccess { path, access: Access { owner, group, mode }, was: _ } => {
                Action::SetFileMode { path, owner, group, mode }
            }
            Self::Link { path, target, over } => {
                Action::MakeLink { path, target, expect: over.expect() }
            }
            Self::Remove { path, over } => Action::RemoveFile { path, expect: over.expect() },
        }
    }
}

impl FileWrite {
    fn payload(&self, unit: &Unit) -> Result<Payload, Error> {
        match &self.bytes {
            Bytes::Source { name, size: _ } => unit.source(name, &self.sha256),
            Bytes::Text { text } => Ok(Payload::Bytes(Secret::from(text.clone()))),
            Bytes::BeforeImage | Bytes::Url { .. } => Ok(Payload::Null),
        }
    }

    fn action(self) -> Action {
        let Self { path, access: Access { owner, group, mode }, sha256, bytes, over, shows: _ } =
            self;
        let expect = over.expect();
        match bytes {
            Bytes::Source { .. } | Bytes::Text { .. } => {
                Action::PlaceFile { path, owner, group, mode, sha256, expect }
            }
            Bytes::BeforeImage => Action::RestoreFile { path, owner, group, mode, sha256, expect },
            Bytes::Url { url, archive_sha256, member } => Action::FetchFile {
                path,
                owner,
                group,
                mode,
                url,
                archive_sha256,
                member,
                sha256,
                expect,
            },
        }
    }

    fn effect(&self) -> String {
        let digest = format!("sha256 {}…", self.sha256.short());
        let size = match &self.bytes {
            Bytes::Source { name: _, size } => format!("{}, ", bytes(*size)),
            Bytes::Text { text } => format!("{}, ", bytes(text.len())),
            Bytes::BeforeImage | Bytes::Url { .. } => String::new(),
        };
        let back = match self.bytes {
            Bytes::BeforeImage => "back to what it was: ",
            Bytes::Source { .. } | Bytes::Text { .. } | Bytes::Url { .. } => "",
        };
        let access = &self.access;
        match &self.over {
            Image::Absent => format!("{back}{access}, {size}{digest}"),
            Image::Link { target } => {
                format!("{back}a regular file for the link to {target}: {access}, {size}{digest}")
            }
            Image::File { sha256, access: was } => {
                let from = if was == access { String::new() } else { format!("{was} -> ") };
                format!(
                    "{back}sha256 {}… -> {}…, {from}{access}",
                    sha256.short(),
                    self.sha256.short()
                )
            }
        }
    }
}

impl Describe for FileChange {
    fn describe(&self) -> Diff {
        let file = |path: &UnitPath| Subject::new("file", path.to_string());
        let directory = |path: &UnitPath| Subject::new("directory", path.to_string());
        match self {
            Self::MakeDirectory { path, access } => {
                Diff::new(ChangeKind::Create, directory(path), access.to_string())
            }
            Self::RemoveDirectory { path } => {
                Diff::new(ChangeKind::Delete, directory(path), "it is empty")
            }
            Self::Write(write) => {
                let verb = match write.over {
                    Image::Absent => ChangeKind::Create,
                    Image::File { .. } | Image::Link { .. } => ChangeKind::Update,
                };
                let diff = Diff::new(verb, file(&write.path), write.effect());
                write.shows.iter().fold(diff, Diff::with)
            }
            Self::SetAccess { path, access, was } => {
                Diff::new(ChangeKind::Update, file(path), format!("{was} -> {access}"))
            }
            Self::Link { path, target, over } => {
                let verb =
                    if *over == Image::Absent { ChangeKind::Create } else { ChangeKind::Update };
                Diff::new(verb, file(path), format!("a link to {target}, as it was"))
            }
            Self::Remove { path, over } => {
                let what = match over {
                    Image::Link { target } => format!("the link to {target}, not what it leads to"),
                    Image::File { sha256, access } => {
                        format!("{access}, sha256 {}…, kept on the unit", sha256.short())
                    }
                    Image::Absent => "nothing".to_owned(),
                };
                Diff::new(ChangeKind::Delete, file(path), what)
            }
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

/// Returns a size as people read it.
#[expect(clippy::cast_precision_loss, reason = "it is rounded to a tenth")]
fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}
