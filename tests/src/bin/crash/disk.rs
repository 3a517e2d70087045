//! A file system in memory that has two states: what is there, and what a loss of power would leave.
//!
//! A file has the content of its last fsync, and a directory the entries of its own: what `shadow` concludes
//! from system calls, this does.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    mem,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::errno::Errno;

/// What identifies a file. None is given twice, so that the kernel's caches are about one file for ever.
pub(crate) type Number = u64;

/// The number that the kernel gives to the root.
pub(crate) const ROOT: Number = 1;

type Result<T> = std::result::Result<T, Errno>;

#[derive(Clone, Debug)]
pub(crate) enum Body {
    File(Vec<u8>),
    Directory(BTreeMap<OsString, Number>),
    Link(PathBuf),
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) body: Body,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) modified: SystemTime,
}

#[derive(Debug)]
struct Node {
    now: State,
    /// None: the file would be gone, whatever names it.
    durable: Option<State>,
}

#[derive(Debug)]
pub(crate) struct Disk {
    nodes: BTreeMap<Number, Node>,
    last: Number,
}

impl Disk {
    /// Makes one with nothing in its root.
    pub(crate) fn new(root: State) -> Self {
        let root = Node { now: root.clone(), durable: Some(root) };
        Self { nodes: BTreeMap::from([(ROOT, root)]), last: ROOT }
    }

    pub(crate) fn state(&self, number: Number) -> Result<&State> {
        self.nodes.get(&number).map(|node| &node.now).ok_or(Errno::ESTALE)
    }

    pub(crate) fn state_mut(&mut self, number: Number) -> Result<&mut State> {
        self.nodes.get_mut(&number).map(|node| &mut node.now).ok_or(Errno::ESTALE)
    }

    /// Returns in how many directories a file is.
    pub(crate) fn names(&self, number: Number) -> usize {
        let named = |node: &Node| match &node.now.body {
            Body::Directory(entries) => entries.values().filter(|one| **one == number).count(),
            Body::File(_) | Body::Link(_) => 0,
        };
        self.nodes.values().map(named).sum()
    }

    pub(crate) fn entries(&self, directory: Number) -> Result<&BTreeMap<OsString, Number>> {
        match &self.state(directory)?.body {
            Body::Directory(entries) => Ok(entries),
            Body::File(_) | Body::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    fn entries_mut(&mut self, directory: Number) -> Result<&mut BTreeMap<OsString, Number>> {
        match &mut self.state_mut(directory)?.body {
            Body::Directory(entries) => Ok(entries),
            Body::File(_) | Body::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    fn content_mut(&mut self, file: Number) -> Result<&mut Vec<u8>> {
        match &mut self.state_mut(file)?.body {
            Body::File(bytes) => Ok(bytes),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Link(_) => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn find(&self, directory: Number, name: &OsStr) -> Result<Number> {
        self.entries(directory)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// Makes a file that was not there.
    pub(crate) fn make(&mut self, directory: Number, name: &OsStr, now: State) -> Result<Number> {
        let number = self.last + 1;
        self.name(directory, name, number)?;
        self.last = number;
        self.nodes.insert(number, Node { now, durable: None });
        Ok(number)
    }

    /// Gives a file another name.
    pub(crate) fn name(&mut self, directory: Number, name: &OsStr, number: Number) -> Result<()> {
        let entries = self.entries_mut(directory)?;
        if entries.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        entries.insert(name.to_owned(), number);
        Ok(())
    }

    /// Removes a name. A file without one is kept, as somebody may have it open.
    pub(crate) fn remove(&mut self, directory: Number, name: &OsStr) -> Result<()> {
        let number = self.find(directory, name)?;
        if self.entries(number).is_ok_and(|entries| !entries.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.entries_mut(directory)?.remove(name);
        Ok(())
    }

    /// Renames a file, in the place of another one. That it can be done, the kernel has checked, but for a
    /// directory with something in it.
    pub(crate) fn rename(&mut self, from: (Number, &OsStr), to: (Number, &OsStr)) -> Result<()> {
        let number = self.find(from.0, from.1)?;
        match self.find(to.0, to.1) {
            Ok(same) if same == number => return Ok(()),
            Ok(_) => self.remove(to.0, to.1)?,
            Err(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
        self.entries_mut(to.0)?.insert(to.1.to_owned(), number);
        self.entries_mut(from.0)?.remove(from.1);
        Ok(())
    }

    pub(crate) fn read(&self, file: Number, from: usize, most: usize) -> Result<&[u8]> {
        let Body::File(bytes) = &self.state(file)?.body else { return Err(Errno::EISDIR) };
        let to = bytes.len().min(from.saturating_add(most));
        Ok(bytes.get(from..to).unwrap_or_default())
    }

    pub(crate) fn write(&mut self, file: Number, from: usize, new: &[u8]) -> Result<()> {
        let bytes = self.content_mut(file)?;
        let to = from.checked_add(new.len()).ok_or(Errno::EFBIG)?;
        bytes.resize(bytes.len().max(to), 0);
        bytes.get_mut(from..to).ok_or(Errno::EFBIG)?.copy_from_slice(new);
        Ok(())
    }

    pub(crate) fn resize(&mut self, file: Number, size: usize) -> Result<()> {
        self.content_mut(file)?.resize(size, 0);
        Ok(())
    }

    pub(crate) fn target(&self, link: Number) -> Result<&Path> {
        let Body::Link(target) = &self.state(link)?.body else { return Err(Errno::EINVAL) };
        Ok(target)
    }

    /// What a file or directory is now is durable. What a directory names, and was never synced itself, is
    /// there with nothing in it.
    pub(crate) fn sync(&mut self, number: Number) -> Result<()> {
        let node = self.nodes.get_mut(&number).ok_or(Errno::ESTALE)?;
        node.durable = Some(node.now.clone());
        let Body::Directory(entries) = node.now.body.clone() else { return Ok(()) };
        for number in entries.values() {
            let Some(node) = self.nodes.get_mut(number) else { continue };
            node.durable.get_or_insert_with(|| node.now.without_content());
        }
        Ok(())
    }

    /// Everything is durable.
    pub(crate) fn settle(&mut self) {
        for node in self.nodes.values_mut() {
            node.durable = Some(node.now.clone());
        }
    }

    /// The power goes: only what is durable is left. All but the root have other numbers then, so that
    /// nothing that was cached or open is about them.
    pub(crate) fn lose_power(&mut self) {
        let before = mem::take(&mut self.nodes);
        let (mut numbers, mut left) = (BTreeMap::from([(ROOT, ROOT)]), vec![(ROOT, ROOT)]);
        while let Some((old, new)) = left.pop() {
            let Some(mut now) = before.get(&old).and_then(|node| node.durable.clone()) else {
                continue;
            };
            if let Body::Directory(entries) = &mut now.body {
                for number in entries.values_mut() {
                    let old = *number;
                    // A file that was renamed from one directory to another can be in both.
                    *number = *numbers.entry(old).or_insert_with(|| {
                        self.last += 1;
                        left.push((old, self.last));
                        self.last
                    });
                }
            }
            self.nodes.insert(new, Node { durable: Some(now.clone()), now });
        }
    }
}

impl State {
    fn without_content(&self) -> Self {
        let body = match &self.body {
            Body::File(_) => Body::File(Vec::new()),
            Body::Directory(_) => Body::Directory(BTreeMap::new()),
            // It is made with what it leads to.
            Body::Link(target) => Body::Link(target.clone()),
        };
        Self { body, ..self.clone() }
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
