//! A small file system.

use std::{collections::BTreeMap, sync::Arc};

use crate::Access;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) owner: String,
    pub(super) group: String,
    pub(super) mode: u32,
}

impl Owned {
    pub(super) fn new(owner: &str, group: &str, mode: u32) -> Self {
        Self { owner: owner.to_owned(), group: group.to_owned(), mode }
    }

    pub(super) fn of(access: &Access) -> Self {
        Self::new(&access.owner, &access.group, access.mode.bits())
    }

    /// Whether the kernel permits access to `user`, whose group has the same name.
    pub(super) fn lets(&self, user: &str, bit: u32) -> bool {
        let shift = match (self.owner == user, self.group == user) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        user == "root" && bit != 1 || self.mode & (bit << shift) != 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File { bytes: Arc<Vec<u8>>, owned: Owned, modified: i64 },
    Link { target: String },
    Directory { owned: Owned, modified: i64 },
    Special,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Files(pub(super) BTreeMap<String, Node>);

pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

impl Files {
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.0.get(&self.directory_of(path))
    }

    /// Resolves all links.
    pub(super) fn real(&self, path: &str) -> Option<String> {
        let mut path = self.directory_of(path);
        for _ in 0..8 {
            match self.0.get(&path)? {
                Node::Link { target } => path = self.directory_of(&joined(parent(&path), target)),
                Node::File { .. } | Node::Directory { .. } | Node::Special => return Some(path),
            }
        }
        None
    }

    /// Resolves the directory of a path (`/bin/x` is `/usr/bin/x`).
    fn directory_of(&self, path: &str) -> String {
        let (home, name) = (parent(path), path.rsplit('/').next().unwrap_or_default());
        if home == "/" {
            return path.to_owned();
        }
        match self.0.get(home) {
            Some(Node::Link { target }) => format!("{}/{name}", joined(parent(home), target)),
            Some(_) | None => path.to_owned(),
        }
    }

    pub(super) fn file(&self, path: &str) -> Option<(&Arc<Vec<u8>>, &Owned)> {
        match self.0.get(&self.real(path)?)? {
            Node::File { bytes, owned, modified: _ } => Some((bytes, owned)),
            Node::Link { .. } | Node::Directory { .. } | Node::Special => None,
        }
    }

    /// Returns the text of a file, if `user` may read it.
    pub(super) fn read(&self, path: &str, user: &str) -> Option<String> {
        let (bytes, owned) = self.file(path)?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        owned.lets(user, 4).then_some(text)
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        let real = if path == "/" { return true } else { self.real(path) };
        real.is_some_and(|real| matches!(self.0.get(&real), Some(Node::Directory { .. })))
    }

    pub(super) fn names(&self, path: &str) -> Option<Vec<String>> {
        let real = self.real(path).filter(|real| self.is_directory(real))?;
        let prefix = format!("{real}/");
        let below = self.0.keys().filter_map(|other| other.strip_prefix(&prefix));
        Some(below.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    pub(super) fn put(&mut self, path: &str, node: Node, now: i64) {
        let path = self.directory_of(path);
        self.0.insert(path.clone(), node);
        // A rename that replaces a file changes the directory too.
        self.touch(parent(&path), now);
    }

    pub(super) fn take(&mut self, path: &str, now: i64) -> Option<Node> {
        let path = self.directory_of(path);
        let node = self.0.remove(&path);
        self.touch(parent(&path), now);
        node
    }

    fn touch(&mut self, path: &str, now: i64) {
        if let Some(Node::Directory { owned: _, modified }) = self.0.get_mut(path) {
            *modified = now;
        }
    }

    pub(super) fn write(&mut self, path: &str, bytes: &[u8], owned: Owned, now: i64) {
        let bytes = Arc::new(bytes.to_vec());
        self.put(path, Node::File { bytes, owned, modified: now }, now);
    }
}

fn joined(home: &str, target: &str) -> String {
    match (target.starts_with('/'), home) {
        (true, _) => target.to_owned(),
        (false, "/") => format!("/{target}"),
        (false, home) => format!("{home}/{target}"),
    }
}
