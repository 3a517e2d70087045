//! The description of a change to a file.

use omega_core::{ChangeKind, Describe, Diff, Subject};

use super::{FileChange, Image, Sent};
use crate::{FileAction, Placement, UnitPath};

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
                Diff::new(verb, file(path), format!("restored: a link to {target}"))
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
        Some(Image::Link { target }) => format!("the link to {target}, not its target"),
        Some(Image::File { sha256, access }) => {
            format!("{access}, sha256 {}…, stored on the unit", sha256.short())
        }
        Some(Image::Absent) | None => "nothing".to_owned(),
    }
}

impl FileChange {
    fn written(&self, file: &Placement) -> String {
        let Placement { access, sha256, .. } = file;
        let digest = format!("sha256 {}…", sha256.short());
        let size = match &self.sent {
            Sent::Source { name: _, size } => format!("{}, ", bytes(*size)),
            Sent::Text(text) => format!("{}, ", bytes(text.len())),
            Sent::Nothing => String::new(),
        };
        let restored = matches!(self.action, FileAction::RestoreFile(_));
        let restored = if restored { "restored: " } else { "" };
        match &self.was {
            Some(Image::Link { target }) => format!(
                "{restored}a regular file instead of the link to {target}: {access}, {size}{digest}"
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

/// Returns a size with a unit.
#[expect(clippy::cast_precision_loss, reason = "it is rounded to a tenth")]
fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}
