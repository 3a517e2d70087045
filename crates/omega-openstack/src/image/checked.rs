//! A stream that is hashed and copied as it goes, and ends well only if its digest is right.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use omega_core::{
    sync_parent,
    values::{Hasher, Sha512},
};
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

/// A copy on this machine: under another name until it is whole. Dropped before that, it is removed.
struct Copy {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl Copy {
    /// What a killed process left under the other name is overwritten.
    fn begin(path: &Path) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Keep { path: path.to_owned(), source };
        if path.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&part);
        Ok(Self { file: file.map_err(failed)?, part, path: path.to_owned() })
    }

    fn failed(&self, source: io::Error) -> SourceError {
        SourceError::Keep { path: self.path.clone(), source }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))
    }

    fn end(self) -> Result<(), SourceError> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        // Unlike a rename, it does not replace what somebody else put there meanwhile.
        fs::hard_link(&self.part, &self.path).map_err(|error| self.failed(error))?;
        sync_parent(&self.path).map_err(|error| self.failed(error))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // The name of the part goes, whole or not; the copy has its own.
        drop(fs::remove_file(&self.part));
    }
}
