//! This machine, as far as kubeconfigs need it: files, and what can be reached from here.

use std::{
    fmt,
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use async_trait::async_trait;
use omega_core::{
    kubeconfig::Kubeconfig,
    persist, read_regular,
    values::{Secret, Sha256},
};

use super::{
    certificate::{CertificateCheck, certificate},
    rewrite_server::rewritten,
};
use crate::{Deadlines, Error, Management};

/// The most that a kubeconfig may have.
const MOST: u64 = 4 << 20;

/// Files of this machine, and API servers that can be reached from it.
#[async_trait]
pub trait LocalMachine: Send + Sync + fmt::Debug {
    /// Reads a regular file.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or it can't be read.
    fn read(&self, path: &Path) -> io::Result<LocalFile>;

    /// Puts a file there, readable by its owner only: the old one or the new one is there whatever
    /// happens.
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
    /// Fails if it can't be removed; that there is none is an error too.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Puts `server` into the current context of the kubeconfig at `path`, if the file has the
    /// digest `before`, and makes it readable by its owner only: one write with a precondition.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ResourceBusy`] if it is another file by now.
    fn replace_server(&self, path: &Path, before: Sha256, server: &str) -> io::Result<()> {
        let file = self.read(path)?;
        if file.bytes.digest() != before {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let text = std::str::from_utf8(file.bytes.expose()).map_err(io::Error::other)?;
        let text = rewritten(text, server).map_err(io::Error::other)?;
        self.write(path, &Secret::from(text))
    }

    /// Returns a handle that authenticates as `kubeconfig` says.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a certificate or key in it does not parse.
    async fn connect(
        &self,
        kubeconfig: &Kubeconfig,
        deadlines: Deadlines,
    ) -> Result<Management, Error>;

    /// Looks at the certificate of `host`:`port`, and says what it is worth to who knows `ca_pem`.
    ///
    /// # Errors
    ///
    /// Fails if none was shown.
    async fn certificate(
        &self,
        host: &str,
        port: u16,
        ca_pem: &str,
        within: Duration,
    ) -> Result<CertificateCheck, Error>;
}

/// A file.
#[derive(Clone, Debug)]
pub struct LocalFile {
    /// What is in it.
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
        persist(path, bytes.expose())
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

    async fn certificate(
        &self,
        host: &str,
        port: u16,
        ca_pem: &str,
        within: Duration,
    ) -> Result<CertificateCheck, Error> {
        certificate(host, port, ca_pem, within).await
    }
}

/// Returns whether a file that can't be written was not touched: the reason comes before the first
/// byte.
pub fn refused(error: &io::Error) -> bool {
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
