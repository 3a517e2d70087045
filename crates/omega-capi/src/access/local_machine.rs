use std::{
    fmt,
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use async_trait::async_trait;
use omega_core::{
    kubeconfig::Kubeconfig,
    persist, read_regular,
    values::{Secret, Sha256},
};

use super::rewrite_server::rewritten;
use crate::{Deadlines, Error, Management};

/// The maximum size of a kubeconfig.
const MOST: u64 = 4 << 20;

/// A machine: its files, and the API servers that it can reach.
#[async_trait]
pub trait LocalMachine: Send + Sync + fmt::Debug {
    /// Reads a regular file.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or it can't be read.
    fn read(&self, path: &Path) -> io::Result<LocalFile>;

    /// Writes a file atomically, readable by its owner only.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    fn write(&self, path: &Path, bytes: &Secret) -> io::Result<()>;

    /// Ensures that a directory exists. One that is made can be entered by its owner only.
    ///
    /// # Errors
    ///
    /// Fails if it can't be made.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// Fails if it can't be removed, or does not exist.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Sets the server of the current context in the kubeconfig at `path`, if the file still has the
    /// digest `before`, and makes it readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ResourceBusy`] if the file has changed.
    fn replace_server(&self, path: &Path, before: Sha256, server: &str) -> io::Result<()> {
        let file = self.read(path)?;
        if file.bytes.digest() != before {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let text = std::str::from_utf8(file.bytes.expose()).map_err(io::Error::other)?;
        let text = rewritten(text, server).map_err(io::Error::other)?;
        self.write(path, &Secret::from(text))
    }

    /// Creates a client from `kubeconfig`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a certificate or key in it does not parse.
    async fn connect(
        &self,
        kubeconfig: &Kubeconfig,
        deadlines: Deadlines,
    ) -> Result<Management, Error>;
}

/// The content of a file, and its mode.
#[derive(Clone, Debug)]
pub struct LocalFile {
    /// The content.
    pub bytes: Secret,
    /// Whether only its owner can read it.
    pub private: bool,
}

/// The machine that this runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

#[async_trait]
impl LocalMachine for ThisMachine {
    fn read(&self, path: &Path) -> io::Result<LocalFile> {
        let bytes = Secret::new(read_regular(path, MOST)?);
        let mode = std::fs::metadata(path)?.permissions().mode();
        Ok(LocalFile { bytes, private: mode.trailing_zeros() >= 6 })
    }

    fn write(&self, path: &Path, bytes: &Secret) -> io::Result<()> {
        // A link stays, as kubectl leaves it: the file that it leads to is replaced.
        let leads_to = std::fs::canonicalize(path);
        persist(leads_to.as_deref().unwrap_or(path), bytes.expose())
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    async fn connect(
        &self,
        kubeconfig: &Kubeconfig,
        deadlines: Deadlines,
    ) -> Result<Management, Error> {
        Management::connect_within(kubeconfig, deadlines).await
    }
}

/// Returns whether a write failed before it changed the file.
pub fn failed_before_write(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotFound
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
    )
}
