use std::{io, path::PathBuf};

use omega_core::{Diagnostic, Retry, Touched, kubeconfig::KubeconfigError};
use serde_json::Value;

use super::{RightsProof, local_machine::failed_before_write};
use crate::Error;

/// A kubeconfig could not be minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the file and the cause")]
pub enum MintError {
    /// A request to the management cluster failed.
    #[error(transparent)]
    Api(#[from] Error),
    /// The file can't be read.
    #[error("could not read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file can't be written. Its token is stored nowhere, and expires by itself.
    #[error("could not write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The driver could not use the new kubeconfig.
    #[error("the driver could not use the new kubeconfig")]
    Unusable(#[source] KubeconfigError),
    /// The kubeconfig can't be written as YAML.
    #[error("could not write it as YAML: {0}")]
    Yaml(String),
}

impl MintError {
    fn api(&self) -> Option<&Error> {
        if let Self::Api(error) = self { Some(error) } else { None }
    }
}

impl Diagnostic for MintError {
    fn retry(&self) -> Retry {
        self.api().map_or(Retry::Final, Diagnostic::retry)
    }

    fn expected(&self) -> Option<String> {
        self.api()?.expected()
    }

    fn found(&self) -> Option<String> {
        self.api()?.found()
    }

    fn detail(&self) -> Option<Value> {
        self.api()?.detail()
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Api(error) => error.next(),
            Self::Read { .. } | Self::Write { .. } => {
                Some("name a file in a directory that you can write to".into())
            }
            Self::Unusable(_) | Self::Yaml(_) => Some("check the site's kubeconfig".into()),
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Api(error) => error.touched(),
            Self::Read { .. } => Touched::Nothing,
            Self::Write { source, .. } if failed_before_write(source) => Touched::Nothing,
            // A token was issued, and is stored nowhere.
            Self::Write { .. } | Self::Unusable(_) | Self::Yaml(_) => Touched::Maybe,
        }
    }

    fn timed_out(&self) -> bool {
        self.api().is_some_and(Diagnostic::timed_out)
    }

    fn refused(&self) -> bool {
        self.api().is_some_and(Diagnostic::refused)
    }
}

/// Describes missing and excessive rights in one line.
pub(super) fn shown(proof: &RightsProof) -> String {
    let missing = proof.missing.iter().map(|right| format!("may not {right}"));
    let excess = proof.excess.iter().map(|one| format!("may {} ({})", one.right, one.by));
    missing.chain(excess).collect::<Vec<_>>().join("; ")
}
