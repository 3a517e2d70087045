//! What the kernel asks of a mounted disk, call by call.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::Path,
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::errno;

use super::{Result, Served, attributes, locked, now};
use crate::disk::{Body, Disk};

/// How long the kernel may believe an answer.
const TTL: Duration = Duration::ZERO;
const FIRST: Generation = Generation(0);
const NONE: FileHandle = FileHandle(0);

fn code(error: errno::Errno) -> Errno {
    Errno::from_i32(error as i32)
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn entry(found: Result<FileAttr>, reply: ReplyEntry) {
    match found {
        Ok(found) => reply.entry(&TTL, &found, FIRST),
        Err(error) => reply.error(code(error)),
    }
}

fn done(result: Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(code(error)),
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk();
        entry(disk.find(parent.0, name).and_then(|number| attributes(&disk, number)), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.disk(), ino.0) {
            Ok(found) => reply.attr(&TTL, &found),
            Err(error) => reply.error(code(error)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = |disk: &mut Disk| {
            if let Some(size) = size {
                disk.resize(ino.0, index(size))?;
            }
            let state = disk.state_mut(ino.0)?;
            state.mode = mode.map_or(state.mode, |mode| mode & 0o7777);
            (state.uid, state.gid) = (uid.unwrap_or(state.uid), gid.unwrap_or(state.gid));
            match modified {
                Some(TimeOrNow::SpecificTime(time)) => state.modified = time,
                Some(TimeOrNow::Now) => state.modified = now(),
                None => {}
            }
            attributes(disk, ino.0)
        };
        match set(&mut self.disk()) {
            Ok(found) => reply.attr(&TTL, &found),
            Err(error) => reply.error(code(error)),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.disk().target(ino.0) {
            Ok(target) => reply.data(target.as_os_str().as_encoded_bytes()),
            Err(error) => reply.error(code(error)),
        }
    }

    fn mkdir(
        &self,
        by: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        entry(self.made(by, (parent, name), mode, Body::Directory(BTreeMap::new())), reply);
    }

    fn symlink(&self, by: &Request, parent: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        entry(self.made(by, (parent, name), 0o777, Body::Link(to.to_owned())), reply);
    }

    fn create(
        &self,
        by: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.made(by, (parent, name), mode, Body::File(Vec::new())) {
            Ok(found) => reply.created(&TTL, &found, FIRST, NONE, FopenFlags::empty()),
            Err(error) => reply.error(code(error)),
        }
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut disk = self.disk();
        let named = disk.name(parent.0, name, ino.0);
        entry(named.and_then(|()| attributes(&disk, ino.0)), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        to_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        // Whether there is a file that must not be replaced, the kernel has looked.
        if !RenameFlags::RENAME_NOREPLACE.contains(flags) {
            return reply.error(Errno::EINVAL);
        }
        done(self.disk().rename((parent.0, name), (to.0, to_name)), reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().read(ino.0, index(offset), index(size.into())) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(code(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut disk = self.disk();
        let written = disk.write(ino.0, index(offset), data);
        match written.and_then(|()| disk.state_mut(ino.0)) {
            Ok(state) => {
                state.modified = now();
                reply.written(u32::try_from(data.len()).unwrap_or_default());
            }
            Err(error) => reply.error(code(error)),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(self.disk().sync(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(self.disk().sync(ino.0), reply);
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let mut listings = locked(&self.listings);
        let handle = listings.last_key_value().map_or(1, |(last, _)| last + 1);
        listings.insert(handle, Vec::new());
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut listings = locked(&self.listings);
        let listing = listings.entry(handle.0).or_default();
        // Who removes what it lists must not miss anything.
        if offset == 0 {
            match self.listing(ino.0) {
                Ok(found) => *listing = found,
                Err(error) => return reply.error(code(error)),
            }
        }
        for (next, (number, kind, name)) in (1..).zip(listing.iter()).skip(index(offset)) {
            if reply.add(INodeNo(*number), next, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        locked(&self.listings).remove(&handle.0);
        reply.ok();
    }
}
