//! Lets the kernel mount a [`Disk`]: what it asks by FUSE, the disk answers.
//!
//! The kernel keeps nothing: each name and attribute is asked for again, and each write is here before its
//! system call returns. Permissions and locks are the kernel's own.

#[path = "fuse_calls.rs"]
mod calls;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use fuser::{
    BackgroundSession, Config, FileAttr, FileType, INodeNo, MountOption, Request, Session,
};
use nix::{errno, unistd};

use crate::disk::{Body, Disk, Number, ROOT, State};

type Result<T> = std::result::Result<T, errno::Errno>;
type Listing = Vec<(Number, FileType, OsString)>;

/// A disk that the kernel uses meanwhile.
pub(crate) type Shared = Arc<Mutex<Disk>>;

/// Mounts an empty disk at `path`, for as long as the session is kept.
pub(crate) fn mount(path: &Path) -> std::io::Result<(BackgroundSession, Shared)> {
    let (uid, gid) = (unistd::getuid().as_raw(), unistd::getgid().as_raw());
    let body = Body::Directory(BTreeMap::new());
    let root = State { body, mode: 0o700, uid, gid, modified: now() };
    let disk = Arc::new(Mutex::new(Disk::new(root)));
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::DefaultPermissions, MountOption::FSName("omega-crash".to_owned())];
    let served = Served { disk: Arc::clone(&disk), listings: Mutex::default() };
    Ok((Session::new(served, path, &config)?.spawn()?, disk))
}

/// Returns the disk, whatever became of a thread that had it.
pub(crate) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "a file system has a clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[derive(Debug)]
struct Served {
    disk: Shared,
    /// What the directories that are open had in them when somebody began to read them, by handle.
    listings: Mutex<BTreeMap<u64, Listing>>,
}

impl Served {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        locked(&self.disk)
    }

    fn made(&self, by: &Request, at: (INodeNo, &OsStr), mode: u32, body: Body) -> Result<FileAttr> {
        let (uid, gid) = (by.uid(), by.gid());
        let state = State { body, mode: mode & 0o7777, uid, gid, modified: now() };
        let mut disk = self.disk();
        let number = disk.make(at.0.0, at.1, state)?;
        attributes(&disk, number)
    }

    fn listing(&self, directory: Number) -> Result<Listing> {
        let disk = self.disk();
        let entries = disk.entries(directory)?.iter();
        entries
            .map(|(name, number)| Ok((*number, kind(disk.state(*number)?), name.clone())))
            .collect()
    }
}

fn kind(state: &State) -> FileType {
    match state.body {
        Body::File(_) => FileType::RegularFile,
        Body::Directory(_) => FileType::Directory,
        Body::Link(_) => FileType::Symlink,
    }
}

fn attributes(disk: &Disk, number: Number) -> Result<FileAttr> {
    let state = disk.state(number)?;
    let size = match &state.body {
        Body::File(bytes) => bytes.len(),
        Body::Directory(_) => 0,
        Body::Link(target) => target.as_os_str().len(),
    };
    let State { mode, uid, gid, modified, .. } = *state;
    Ok(FileAttr {
        ino: INodeNo(number),
        size: size as u64,
        blocks: size.div_ceil(512) as u64,
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: kind(state),
        perm: u16::try_from(mode & 0o7777).unwrap_or_default(),
        nlink: u32::try_from(disk.names(number).max(usize::from(number == ROOT)))
            .unwrap_or(u32::MAX),
        uid,
        gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

#[cfg(test)]
#[path = "fuse_tests.rs"]
mod tests;
