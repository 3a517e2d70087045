//! One run at a time.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// A lock that lasts as long as the value, and ends with the process.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct Lock {
    _file: File,
}

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another run holds it.
    #[error("another run holds the lock ({})", if holder.is_empty() { "it begins just now" } else { holder.as_str() })]
    Held {
        /// What the holder wrote about itself.
        holder: String,
    },
    /// The lock file could not be opened or written.
    #[error("could not lock {path}")]
    Io {
        /// The lock file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock at `path`, and writes `holder` to it, for the error message of other runs.
    ///
    /// # Errors
    ///
    /// Fails at once if another process holds it.
    pub fn take(path: &Path, holder: &str) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.display().to_string(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(io)?;
                return Err(LockError::Held { holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{holder}").map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Returns whether a process holds the lock at `path`. Nothing is written.
    pub fn is_held(path: &Path) -> bool {
        let file = File::open(path);
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!Lock::is_held(&path));
        let first = Lock::take(&path, "run 1").unwrap();
        assert!(Lock::is_held(&path));
        let second = Lock::take(&path, "run 2").unwrap_err();
        assert!(matches!(second, LockError::Held { holder } if holder == "run 1"));
        let unnamed = LockError::Held { holder: String::new() };
        assert_eq!(unnamed.to_string(), "another run holds the lock (it begins just now)");
        drop(first);
        assert!(!Lock::is_held(&path));
        let _third = Lock::take(&path, "run 3").unwrap();
    }
}
