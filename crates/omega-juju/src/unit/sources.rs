use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use omega_core::{
    open_regular, read_regular,
    values::{Secret, Sha256},
};

/// The maximum size of a file in bytes: helm has 55 MB.
const MOST: u64 = 512 << 20;

/// Content that desired facts name by digest. It is sent to a unit only when it is written.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<Sha256, Source>);

#[derive(Clone, Debug)]
enum Source {
    Memory(Arc<Secret>),
    File(Arc<SourceFile>),
}

/// A file that is read when it is needed. Concurrent users share its bytes.
#[derive(Debug)]
struct SourceFile {
    path: PathBuf,
    held: Mutex<Weak<Secret>>,
}

impl SourceFile {
    fn bytes(&self, sha256: &Sha256) -> Option<Arc<Secret>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = held.upgrade() {
            return Some(bytes);
        }
        let bytes = Arc::new(Secret::new(read_regular(&self.path, MOST).ok()?));
        if bytes.digest() != *sha256 {
            return None;
        }
        *held = Arc::downgrade(&bytes);
        Some(bytes)
    }
}

impl Sources {
    /// Adds `bytes`, and returns their digest.
    pub fn add(&mut self, bytes: Secret) -> Sha256 {
        let digest = bytes.digest();
        self.0.insert(digest, Source::Memory(Arc::new(bytes)));
        digest
    }

    /// Adds the file at `path`, and returns its digest and size. It is read again when it is needed,
    /// and must still have that digest then.
    ///
    /// # Errors
    ///
    /// Fails if it is not a regular file, or can't be read.
    pub fn add_file(&mut self, path: &Path) -> io::Result<(Sha256, u64)> {
        let (file, size) = open_regular(path, MOST)?;
        let digest = Sha256::read(file)?;
        let file = SourceFile { path: path.to_owned(), held: Mutex::default() };
        self.0.insert(digest, Source::File(Arc::new(file)));
        Ok((digest, size))
    }

    pub(super) fn bytes(&self, sha256: &Sha256) -> Option<Arc<Secret>> {
        match self.0.get(sha256)? {
            Source::Memory(bytes) => Some(Arc::clone(bytes)),
            Source::File(file) => file.bytes(sha256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("helm");
        std::fs::write(&path, "one").unwrap();
        let mut sources = Sources::default();
        let (digest, size) = sources.add_file(&path).unwrap();
        assert_eq!((digest, size), (Sha256::of(b"one"), 3));
        assert_eq!(sources.bytes(&digest).unwrap().expose(), b"one");
        assert!(sources.bytes(&Sha256::of(b"two")).is_none());
        std::fs::write(&path, "two").unwrap();
        assert!(sources.bytes(&digest).is_none());
    }

    #[test]
    fn several_units_share_the_bytes_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("helm");
        std::fs::write(&path, "helm").unwrap();
        let mut sources = Sources::default();
        let (digest, _) = sources.add_file(&path).unwrap();
        let (one, other) = (sources.bytes(&digest).unwrap(), sources.clone().bytes(&digest));
        assert!(Arc::ptr_eq(&one, &other.unwrap()));
    }
}
