use std::{io, path::PathBuf};

use omega_core::{Diagnostic, Retry, Touched, kubeconfig::KubeconfigError};
use serde_json::Value;

use super::{RightsProof, local_machine::refused};
use crate::Error;

/// A kubeconfig could not be minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The management cluster could not be asked.
    #[error(transparent)]
    Api(#[from] Error),
    /// The file can't be read.
    #[error("could not read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file can't be written. The token that was for it is nowhere, and ends by itself.
    #[error("could not write {path}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was made of the answers is no kubeconfig for the driver.
    #[error("the driver could not use what was made of the answers")]
    Unusable(#[source] KubeconfigError),
    /// The kubeconfig could not be put into text.
    #[error("could not write it as YAML: {0}")]
    Yaml(String),
}

impl Diagnostic for MintError {
    fn retry(&self) -> Retry {
        match self {
            Self::Api(error) => error.retry(),
            Self::Read { .. } | Self::Write { .. } | Self::Unusable(_) | Self::Yaml(_) => {
                Retry::Final
            }
        }
    }

    fn expected(&self) -> Option<String> {
        let Self::Api(error) = self else { return None };
        error.expected()
    }

    fn found(&self) -> Option<String> {
        let Self::Api(error) = self else { return None };
        error.found()
    }

    fn detail(&self) -> Option<Value> {
        let Self::Api(error) = self else { return None };
        error.detail()
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Api(error) => error.next(),
            Self::Read { .. } | Self::Write { .. } => {
                Some("name a file in a directory that can be written".into())
            }
            Self::Unusable(_) | Self::Yaml(_) => Some("check the kubeconfig of the site".into()),
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Api(error) => error.touched(),
            Self::Read { .. } => Touched::Nothing,
            Self::Write { source, .. } if refused(source) => Touched::Nothing,
            // A token was issued that nobody has.
            Self::Write { .. } | Self::Unusable(_) | Self::Yaml(_) => Touched::Maybe,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Api(error) if error.timed_out())
    }
}

/// What is wrong with rights, in one line.
pub(super) fn shown(proof: &RightsProof) -> String {
    let missing = proof.missing.iter().map(|right| format!("may not {right}"));
    let excess = proof.excess.iter().map(|one| format!("may {} ({})", one.right, one.by));
    missing.chain(excess).collect::<Vec<_>>().join("; ")
}
