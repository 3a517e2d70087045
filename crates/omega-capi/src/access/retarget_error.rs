use std::{io, path::PathBuf};

use omega_core::{Diagnostic, Retry, Touched};

use super::local_machine::failed_before_write;
use crate::Error;

/// A kubeconfig could not be retargeted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the file and the cause")]
pub enum RetargetError {
    /// The file can't be read.
    #[error("could not read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file can't be written.
    #[error("could not write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    /// It is not a kubeconfig that can be changed in place.
    #[error("{path} can't be changed: {why}", path = path.display())]
    NotRewritten { path: PathBuf, why: String, next: &'static str },
    /// The new address is not one.
    #[error("{0:?} is neither an address nor the URL of a server")]
    NoAddress(String),
    /// The file has changed since it was read.
    #[error("{path} has changed since it was read", path = path.display())]
    Moved { path: PathBuf },
    /// The new address could not be tested.
    #[error("the new address could not be tested")]
    Api(#[from] Error),
}

impl Diagnostic for RetargetError {
    fn retry(&self) -> Retry {
        if let Self::Api(error) = self { error.retry() } else { Retry::Final }
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } | Self::Write { .. } => {
                "check the path, and that you can write to its directory".into()
            }
            Self::NotRewritten { next, .. } => (*next).to_owned(),
            Self::NoAddress(_) => "use 10.12.7.40, NAME:6443 or https://NAME:6443".into(),
            Self::Moved { .. } => "run the same command again".into(),
            Self::Api(error) => return error.next(),
        })
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Write { source, .. } if !failed_before_write(source) => Touched::Maybe,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::NotRewritten { .. }
            | Self::NoAddress(_)
            | Self::Moved { .. }
            | Self::Api(_) => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Api(error) if error.timed_out())
    }

    fn refused(&self) -> bool {
        matches!(self, Self::Api(error) if error.refused())
    }
}
