//! What can go wrong with the bytes of an image before they are Glance's.

use std::{io, path::PathBuf};

use omega_core::{Retry, values::Sha512};

use super::qcow2::Unusable;

/// The source of an image could not be read, or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A server refused.
    #[error("{url}: the server answered {status}")]
    Refused {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A server did not answer, or broke off and could not go on.
    #[error(
        "{url}: the download broke off after {received} bytes, {attempts} times without progress"
    )]
    Broken {
        /// The URL.
        url: String,
        /// How many bytes had been received.
        received: u64,
        /// How often it was tried without a byte of progress.
        attempts: u32,
        /// The last reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the server has changed while it was read.
    #[error("{url} changed while it was read: {was}, then {now}")]
    Changed {
        /// The URL.
        url: String,
        /// What it was.
        was: String,
        /// What it is now.
        now: String,
    },
    /// A server was asked for the rest of a file, and answered with something else.
    #[error("{url}: asked for the bytes from {received} on, the server answered 206 {with}")]
    WrongRange {
        /// The URL.
        url: String,
        /// How many bytes had been received.
        received: u64,
        /// What its answer says instead.
        with: String,
    },
    /// The bytes have another digest.
    #[error("{from} is not the expected image: its {length} bytes have another SHA-512")]
    WrongDigest {
        /// The source.
        from: String,
        /// How many bytes there were.
        length: u64,
        /// The expected digest.
        expected: Sha512,
        /// The digest that they have.
        found: Sha512,
    },
    /// It can't be imported.
    #[error("{from} can't be imported: {why}")]
    Unusable {
        /// The source.
        from: String,
        /// Why not.
        why: Unusable,
    },
    /// The copy on this machine could not be written.
    #[error("could not keep a copy in {}", path.display())]
    Keep {
        /// The copy.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No HTTPS client could be made.
    #[error("could not set up downloads: {0}")]
    Setup(String),
}

impl SourceError {
    pub(crate) fn expected(&self) -> Option<String> {
        let Self::WrongDigest { expected, .. } = self else { return None };
        Some(format!("sha512 {expected}"))
    }

    pub(crate) fn found(&self) -> Option<String> {
        let Self::WrongDigest { found, .. } = self else { return None };
        Some(format!("sha512 {found}"))
    }

    pub(crate) fn next(&self) -> Option<String> {
        let next = match self {
            Self::File { .. } => "check the path and its permissions",
            Self::Refused { .. } => {
                "check the URL, or download it by other means and give the file"
            }
            Self::Broken { .. } => {
                "run the same command again, or download it by other means and give the file"
            }
            Self::Changed { .. } => "run the same command again once the server's copy is stable",
            Self::WrongRange { .. } => {
                "the server, or a proxy in front of it, does not answer ranges as HTTP has it: download the \
                 file by other means and give it"
            }
            Self::WrongDigest { .. } => {
                "check the digest against the publisher's manifest; a wrong download is repeated by running the command again"
            }
            Self::Unusable { .. } => "give a whole qcow2 file (qemu-img convert -O qcow2)",
            Self::Keep { .. } => "free space there, or name another file, or leave the copy out",
            Self::Setup(_) => return None,
        };
        Some(next.to_owned())
    }

    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Broken { .. } | Self::Refused { status: 429 | 502..=504, .. } => Retry::Transient,
            Self::File { .. }
            | Self::Refused { .. }
            | Self::Changed { .. }
            | Self::WrongRange { .. }
            | Self::WrongDigest { .. }
            | Self::Unusable { .. }
            | Self::Keep { .. }
            | Self::Setup(_) => Retry::Final,
        }
    }
}
