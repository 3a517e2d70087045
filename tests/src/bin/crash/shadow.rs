//! What of a directory would survive a loss of power: only what was synced.
//!
//! A file has the content of its last fsync, and a directory the entries of its own. A file system may
//! keep more; POSIX promises no more.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs::{self, File, Metadata, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::Pid;

use crate::Result;

/// What identifies a file while it is open.
type Inode = (u64, u64);

/// Which of the unsynced data is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Everything: entries of directories and content of files.
    Everything,
    /// The content of files; the directories are as they were.
    Content,
    /// Everything as well: the file system that the home is on loses it, and not the harness.
    Fuse,
}

impl Loss {
    pub(crate) const ALL: [Self; 3] = [Self::Everything, Self::Content, Self::Fuse];
    /// Those that need no other file system.
    pub(crate) const TRACED: [Self; 2] = [Self::Everything, Self::Content];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Content => "content",
            Self::Fuse => "fuse",
        }
    }
}

/// The durable state of a directory and what is below it.
#[derive(Debug)]
pub(crate) struct Shadow {
    path: PathBuf,
    root: Inode,
    known: HashMap<Inode, Kept>,
}

#[derive(Debug)]
struct Kept {
    durable: Durable,
    mode: u32,
    /// As long as it is open, no other file gets its number.
    _open: File,
}

#[derive(Clone, Debug)]
enum Durable {
    File(Vec<u8>),
    Directory(BTreeMap<OsString, Inode>),
}

/// A file or directory to write.
pub(crate) type Node = (PathBuf, u32, Option<Vec<u8>>);

fn inode(found: &Metadata) -> Inode {
    (found.dev(), found.ino())
}

impl Shadow {
    /// Everything that is at `path` now is durable.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let root = inode(&fs::metadata(path)?);
        let mut new = Self { path: path.to_owned(), root, known: HashMap::new() };
        new.all(path)?;
        Ok(new)
    }

    fn all(&mut self, path: &Path) -> Result<()> {
        self.keep(path)?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.all(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// A descriptor of the thread was synced.
    pub(crate) fn synced(&mut self, thread: Pid, descriptor: u64) -> Result<()> {
        self.keep(Path::new(&format!("/proc/{thread}/fd/{descriptor}")))
    }

    /// What is at `path` is durable now: the content of a file, the entries of a directory.
    pub(crate) fn keep(&mut self, path: &Path) -> Result<()> {
        let open = File::open(path)?;
        let found = open.metadata()?;
        let durable = if found.is_dir() {
            let mut entries = BTreeMap::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                entries.insert(entry.file_name(), self.named(&entry.path())?);
            }
            Durable::Directory(entries)
        } else {
            Durable::File(fs::read(path)?)
        };
        let kept = Kept { durable, mode: found.mode(), _open: open };
        self.known.insert(inode(&found), kept);
        Ok(())
    }

    /// A durable entry of a directory. What was never synced itself is empty.
    fn named(&mut self, path: &Path) -> Result<Inode> {
        let open = File::open(path)?;
        let found = open.metadata()?;
        let empty = if found.is_dir() {
            Durable::Directory(BTreeMap::new())
        } else {
            Durable::File(Vec::new())
        };
        let id = inode(&found);
        self.known.entry(id).or_insert(Kept { durable: empty, mode: found.mode(), _open: open });
        Ok(id)
    }

    /// Puts what survives in the place of what is there.
    pub(crate) fn restore(&self, loss: Loss) -> Result<()> {
        let nodes = match loss {
            Loss::Everything | Loss::Fuse => self.everything(),
            Loss::Content => {
                let mut nodes = Vec::new();
                self.present(&self.path, &mut nodes)?;
                nodes
            }
        };
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        for (path, mode, bytes) in nodes {
            match bytes {
                None if path == self.path => {}
                None => fs::create_dir(&path)?,
                Some(bytes) => fs::write(&path, bytes)?,
            }
            fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))?;
        }
        Ok(())
    }

    /// Returns all that is durable.
    pub(crate) fn everything(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        self.durable(self.root, &self.path, &mut nodes);
        nodes
    }

    fn durable(&self, id: Inode, path: &Path, nodes: &mut Vec<Node>) {
        let Some(kept) = self.known.get(&id) else { return };
        match &kept.durable {
            Durable::File(bytes) => nodes.push((path.to_owned(), kept.mode, Some(bytes.clone()))),
            Durable::Directory(entries) => {
                nodes.push((path.to_owned(), kept.mode, None));
                for (name, id) in entries {
                    self.durable(*id, &path.join(name), nodes);
                }
            }
        }
    }

    fn present(&self, path: &Path, nodes: &mut Vec<Node>) -> Result<()> {
        let found = fs::metadata(path)?;
        if found.is_dir() {
            nodes.push((path.to_owned(), found.mode(), None));
            for entry in fs::read_dir(path)? {
                self.present(&entry?.path(), nodes)?;
            }
            return Ok(());
        }
        let bytes = match self.known.get(&inode(&found)).map(|kept| &kept.durable) {
            Some(Durable::File(bytes)) => bytes.clone(),
            Some(Durable::Directory(_)) | None => Vec::new(),
        };
        nodes.push((path.to_owned(), found.mode(), Some(bytes)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn text(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    /// A directory in which some things are durable and others are not.
    fn partly() -> (tempfile::TempDir, Shadow) {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::write(at("old"), "old").unwrap();
        fs::write(at("replaced"), "before").unwrap();
        let mut shadow = Shadow::of(home.path()).unwrap();
        fs::write(at("named"), "named").unwrap();
        fs::write(at("whole"), "whole").unwrap();
        shadow.keep(&at("whole")).unwrap();
        shadow.keep(home.path()).unwrap();
        fs::write(at("new"), "after").unwrap();
        shadow.keep(&at("new")).unwrap();
        fs::rename(at("new"), at("replaced")).unwrap();
        fs::write(at("late"), "late").unwrap();
        let mut whole = fs::OpenOptions::new().append(true).open(at("whole")).unwrap();
        whole.write_all(b" and more").unwrap();
        (home, shadow)
    }

    #[test]
    fn without_a_sync_neither_content_nor_entries_survive() {
        let (home, shadow) = partly();
        let at = |name: &str| text(&home.path().join(name));
        shadow.restore(Loss::Everything).unwrap();
        assert_eq!(at("old").as_deref(), Some("old"));
        assert_eq!(at("replaced").as_deref(), Some("before"), "the rename was not synced");
        assert_eq!(at("named").as_deref(), Some(""), "its entry was synced, its content not");
        assert_eq!(at("whole").as_deref(), Some("whole"));
        assert_eq!((at("late"), at("new")), (None, None));
    }

    #[test]
    fn entries_can_survive_without_their_content() {
        let (home, shadow) = partly();
        let at = |name: &str| text(&home.path().join(name));
        shadow.restore(Loss::Content).unwrap();
        assert_eq!(at("replaced").as_deref(), Some("after"));
        assert_eq!((at("late").as_deref(), at("whole").as_deref()), (Some(""), Some("whole")));
    }
}
