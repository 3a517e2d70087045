use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use omega_core::{
    open_regular, read_regular,
    values::{Secret, Sha256},
};

/// The most that is read from a file: helm has 55 MB.
const MOST: u64 = 512 << 20;

/// Bytes that desired facts name by digest. They stay on this side until the moment of a write.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<Sha256, Source>);

#[derive(Clone, Debug)]
enum Source {
    Memory(Secret),
    File(PathBuf),
}

impl Sources {
    /// Adds `bytes`, and returns the digest to name them by.
    pub fn add(&mut self, bytes: Secret) -> Sha256 {
        let digest = bytes.digest();
        self.0.insert(digest, Source::Memory(bytes));
        digest
    }

    /// Adds what the file at `path` holds now, and returns its digest and its size. It is read
    /// when it is needed, and must then still have that digest.
    ///
    /// # Errors
    ///
    /// Fails if it is no regular file, or can't be read.
    pub fn add_file(&mut self, path: &Path) -> io::Result<(Sha256, u64)> {
        let (file, size) = open_regular(path, MOST)?;
        let digest = Sha256::read(file)?;
        self.0.insert(digest, Source::File(path.to_owned()));
        Ok((digest, size))
    }

    pub(super) fn bytes(&self, sha256: &Sha256) -> Option<Secret> {
        match self.0.get(sha256)? {
            Source::Memory(bytes) => Some(bytes.clone()),
            Source::File(path) => {
                let bytes = Secret::new(read_regular(path, MOST).ok()?);
                (bytes.digest() == *sha256).then_some(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_is_not_what_was_added() {
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
}
