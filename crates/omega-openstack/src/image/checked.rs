//! A stream that is hashed and copied as it goes, and ends well only if its digest is right.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use omega_core::{
    sync_parent,
    values::{Hasher, Sha512},
};
use tempfile::NamedTempFile;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{ImageSource, SourceError, qcow2};
use crate::request::ByteStream;

/// How many chunks may wait to be hashed: with those of a file, 8 MiB.
const AHEAD: usize = 8;

/// What became of the stream: the number of its bytes, or what was wrong with them.
pub(super) type Verdict = Arc<Mutex<Option<Result<u64, SourceError>>>>;

/// Returns the bytes of `from` as they come, and where their verdict will be.
///
/// They are hashed on a thread of their own. The stream fails instead of ending if they are not what
/// `expected` says; so an upload in chunks (RFC 9112, 7.1) is never complete with wrong bytes. `keep`
/// gets a copy, which is there only if they are right.
pub(super) fn checked(
    from: &ImageSource,
    bytes: ByteStream,
    expected: Sha512,
    keep: Option<&Path>,
) -> Result<(ByteStream, Verdict), SourceError> {
    let verdict = Verdict::default();
    let (to, chunks) = mpsc::channel(AHEAD);
    let copy = keep.map(Copy::begin).transpose()?;
    let state = Checking {
        from: from.clone(),
        expected,
        bytes,
        header: Some(BytesMut::new()),
        length: 0,
        hashing: Some((to, tokio::task::spawn_blocking(move || hash(chunks, copy)))),
        verdict: Arc::clone(&verdict),
    };
    let stream = stream::try_unfold(state, |mut state| async {
        match state.next().await {
            Ok(chunk) => Ok(chunk.map(|chunk| (chunk, state))),
            Err(error) => {
                state.give_up().await;
                let text = error.to_string();
                *state.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(error));
                Err(io::Error::other(text))
            }
        }
    });
    Ok((Box::pin(stream), verdict))
}

type Hashing = JoinHandle<Result<(Sha512, Option<Copy>), SourceError>>;

struct Checking {
    from: ImageSource,
    expected: Sha512,
    bytes: ByteStream,
    /// The beginning, until there is enough of it to be judged.
    header: Option<BytesMut>,
    length: u64,
    hashing: Option<(mpsc::Sender<Bytes>, Hashing)>,
    verdict: Verdict,
}

impl Checking {
    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            let chunk = self.bytes.next().await.transpose();
            let chunk = chunk.map_err(|error| self.from.failed(error))?;
            let chunk = match (chunk, self.header.take()) {
                (Some(chunk), Some(mut header)) => {
                    header.extend_from_slice(&chunk);
                    if header.len() < qcow2::HEADER {
                        self.header = Some(header);
                        continue;
                    }
                    self.from.check(&header)?;
                    header.freeze()
                }
                (Some(chunk), None) => chunk,
                (None, Some(header)) => {
                    self.from.check(&header)?;
                    header.freeze()
                }
                (None, None) => {
                    self.end().await?;
                    return Ok(None);
                }
            };
            self.length += chunk.len() as u64;
            let sent = match &self.hashing {
                Some((to, _)) => to.send(chunk.clone()).await.is_ok(),
                None => true,
            };
            if !sent {
                // The thread has given up: it says why.
                self.end().await?;
            }
            return Ok(Some(chunk));
        }
    }

    /// Waits until the copy, if one was begun, is removed.
    async fn give_up(&mut self) {
        if let Some((to, hashing)) = self.hashing.take() {
            drop(to);
            drop(hashing.await);
        }
    }

    async fn end(&mut self) -> Result<(), SourceError> {
        let Some((to, hashing)) = self.hashing.take() else { return Ok(()) };
        drop(to);
        let joined = hashing.await;
        let joined = joined.map_err(|error| self.from.failed(io::Error::other(error)))?;
        let (found, copy) = joined?;
        let (length, expected) = (self.length, self.expected);
        if found != expected {
            let from = self.from.to_string();
            return Err(SourceError::WrongDigest { from, length, expected, found });
        }
        if let Some(copy) = copy {
            copy.end()?;
        }
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(length));
        Ok(())
    }
}

fn hash(
    mut chunks: mpsc::Receiver<Bytes>,
    mut copy: Option<Copy>,
) -> Result<(Sha512, Option<Copy>), SourceError> {
    let mut hasher = Hasher::default();
    while let Some(chunk) = chunks.blocking_recv() {
        hasher.update(&chunk);
        if let Some(copy) = &mut copy {
            copy.write(&chunk)?;
        }
    }
    Ok((hasher.finish(), copy))
}

/// Fails if no copy can be made at `path`: something has the name, or there is no such directory.
pub(super) fn can_keep(path: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Keep { path: path.to_owned(), source };
    let is_name = path.file_name().is_some() && !path.as_os_str().as_bytes().ends_with(b"/");
    if !is_name {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file");
        return Err(failed(why));
    }
    match fs::symlink_metadata(path) {
        Ok(_) => {
            let why = "it exists already, and is never overwritten";
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, why)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let directory = directory_of(path);
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(failed(io::ErrorKind::NotADirectory.into())),
        Err(error) => {
            let why = format!("the directory {}: {error}", directory.display());
            Err(failed(io::Error::new(error.kind(), why)))
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A copy on this machine: under another name until it is whole. Dropped before that, it is removed.
struct Copy {
    file: NamedTempFile,
    path: PathBuf,
}

impl Copy {
    /// Begins under a name that nothing has (`O_EXCL`): no other process writes to it, and no link is
    /// followed. A killed process leaves it.
    fn begin(path: &Path) -> Result<Self, SourceError> {
        can_keep(path)?;
        let mut prefix = path.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part").permissions(Permissions::from_mode(0o644));
        let file = builder.tempfile_in(directory_of(path));
        let file = file.map_err(|source| SourceError::Keep { path: path.to_owned(), source })?;
        Ok(Self { file, path: path.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| SourceError::Keep { path: self.path.clone(), source })
    }

    fn end(self) -> Result<(), SourceError> {
        let Self { file, path } = self;
        let named = || {
            file.as_file().sync_all()?;
            // It does not replace what somebody else put there meanwhile.
            file.persist_noclobber(&path).map_err(|error| error.error)?;
            sync_parent(&path)
        };
        named().map_err(|source| SourceError::Keep { path: path.clone(), source })
    }
}
