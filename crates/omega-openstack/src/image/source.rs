//! Where the bytes of an image come from.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use omega_core::{Context, url_words};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncReadExt as _, time::Duration};
use url::Url;

use super::{SourceError, download::Downloads, qcow2};
use crate::request::ByteStream;

/// What is read of a file at a time.
const BLOCK: usize = 1 << 20;

/// A file of this machine, or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageSource(Inner);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Inner {
    File(PathBuf),
    Url(Url),
}

/// Not a source of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSource {
    /// Not a URL.
    #[error("not a URL: {0}")]
    Url(String),
    /// Another scheme.
    #[error("not an http or https URL: {0:?}")]
    Scheme(String),
    /// A secret in it would be written to journals and reports.
    #[error(
        "the URL has {0}, which may be a secret and would be written to journals; download it by other means and give the file"
    )]
    Secret(&'static str),
}

impl ImageSource {
    /// Returns the file as a source.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Inner::File(path.into()))
    }

    /// Returns the URL as a source.
    ///
    /// # Errors
    ///
    /// Fails if it is not an HTTP URL, or has a user, a password or a query.
    pub fn url(text: &str) -> Result<Self, InvalidSource> {
        let url =
            Url::parse(text).map_err(|error| InvalidSource::Url(url_words(error).to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(InvalidSource::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSource::Secret("a user or a password"));
        }
        if url.query().is_some() {
            return Err(InvalidSource::Secret("a query"));
        }
        Ok(Self(Inner::Url(url)))
    }

    /// Looks at the source: whether it is there, how long it is, and whether it can be imported.
    pub(super) async fn probe(&self, downloads: &Downloads) -> Result<SourceInfo, SourceError> {
        let (mut bytes, length) = self.open(downloads, &Context::default()).await?;
        let mut header = BytesMut::new();
        while header.len() < qcow2::HEADER
            && let Some(chunk) = bytes.next().await
        {
            header.extend_from_slice(&chunk.map_err(|error| self.failed(error))?);
        }
        self.check(&header)?;
        Ok(SourceInfo { length })
    }

    /// Returns whether a file that begins so can be imported.
    pub(super) fn check(&self, header: &[u8]) -> Result<(), SourceError> {
        qcow2::check(header).map_err(|why| SourceError::Unusable { from: self.to_string(), why })
    }

    /// Begins to read. Returns the bytes, and how many there are if that is known.
    pub(super) async fn open(
        &self,
        downloads: &Downloads,
        ctx: &Context,
    ) -> Result<(ByteStream, Option<u64>), SourceError> {
        let path = match &self.0 {
            Inner::Url(url) => return downloads.open(url, ctx).await,
            Inner::File(path) => path,
        };
        let failed = |source| SourceError::File { path: path.clone(), source };
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        let metadata = file.metadata().await.map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let length = metadata.is_file().then_some(metadata.len());
        let blocks = stream::try_unfold(file, async |mut file| {
            let mut block = BytesMut::with_capacity(BLOCK);
            let count = file.read_buf(&mut block).await?;
            Ok((count > 0).then(|| (Bytes::from(block), file)))
        });
        Ok((Box::pin(blocks), length))
    }

    /// Returns what an error of the stream was before it became one of reading.
    pub(super) fn failed(&self, error: std::io::Error) -> SourceError {
        let path = || match &self.0 {
            Inner::File(path) => path.clone(),
            Inner::Url(url) => PathBuf::from(url.as_str()),
        };
        match error.downcast::<SourceError>() {
            Ok(error) => error,
            Err(source) => SourceError::File { path: path(), source },
        }
    }

    /// Returns how long the source may be silent before the transfer is given up: a download has its
    /// own limits, and waits between its attempts.
    pub(super) fn patience(&self) -> Option<Duration> {
        matches!(self.0, Inner::Url(_)).then_some(Duration::from_mins(10))
    }

    /// Returns the path, if it is a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Inner::File(path) => Some(path),
            Inner::Url(_) => None,
        }
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::File(path) => write!(f, "{}", path.display()),
            Inner::Url(url) => f.write_str(url.as_str()),
        }
    }
}

impl TryFrom<String> for ImageSource {
    type Error = InvalidSource;
    /// Reads what begins as a URL does as one, and everything else as a path.
    fn try_from(text: String) -> Result<Self, InvalidSource> {
        if text.contains("://") { Self::url(&text) } else { Ok(Self::file(text)) }
    }
}

impl From<ImageSource> for String {
    fn from(source: ImageSource) -> Self {
        source.to_string()
    }
}

/// What a look at a source shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Its length in bytes, if known.
    pub length: Option<u64>,
}
