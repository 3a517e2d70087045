use std::path::PathBuf;

use omega_core::{Diagnostic, Retry, Touched};

use super::RightsProof;
use crate::Error;

/// A kubeconfig could not be minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The management cluster could not be asked.
    #[error(transparent)]
    Api(#[from] Error),
    /// The file can't be read or written.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
        /// Whether it was being written.
        writing: bool,
    },
    /// The new kubeconfig is not accepted where it is for. It was not written.
    #[error("the new kubeconfig does not work at {server}")]
    NotAccepted {
        /// Its server.
        server: String,
        /// What was answered.
        source: Error,
    },
    /// The new kubeconfig can't do what the driver does, or more. It was not written.
    #[error("the rights of {account} are not those that the driver needs")]
    Rights {
        /// The account.
        account: String,
        /// What was found.
        proof: RightsProof,
    },
    /// What was made of the answers is no kubeconfig for the driver.
    #[error("the driver could not use it: {0}")]
    Unusable(String),
}

impl Diagnostic for MintError {
    fn retry(&self) -> Retry {
        match self {
            Self::Api(error) | Self::NotAccepted { source: error, .. } => error.retry(),
            Self::File { .. } | Self::Rights { .. } | Self::Unusable(_) => Retry::Final,
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Api(error) | Self::NotAccepted { source: error, .. } => error.expected(),
            Self::Rights { .. } => Some("the driver's own calls allowed, others refused".into()),
            Self::File { .. } | Self::Unusable(_) => None,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::Api(error) | Self::NotAccepted { source: error, .. } => error.found(),
            Self::Rights { proof, .. } => Some(shown(proof)),
            Self::File { .. } | Self::Unusable(_) => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Api(error) => error.next(),
            Self::File { .. } => Some("name a file in a directory that can be written".into()),
            Self::NotAccepted { source: Error::Unauthorized { .. }, .. } => {
                Some("check that this server is the cluster that issued it".into())
            }
            Self::NotAccepted { source, .. } => source.next(),
            Self::Rights { .. } => Some(
                "look which roles are bound to it: kubectl get rolebindings,clusterrolebindings -A \
                 -o wide; then run the same command again"
                    .into(),
            ),
            Self::Unusable(_) => Some("check the kubeconfig of the site".into()),
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Api(error) => error.touched(),
            Self::File { writing: false, .. } | Self::Unusable(_) => Touched::Nothing,
            // A token was issued that nobody has; it ends by itself.
            Self::File { .. } | Self::NotAccepted { .. } | Self::Rights { .. } => Touched::Maybe,
        }
    }

    fn timed_out(&self) -> bool {
        match self {
            Self::Api(error) | Self::NotAccepted { source: error, .. } => error.timed_out(),
            Self::File { .. } | Self::Rights { .. } | Self::Unusable(_) => false,
        }
    }
}

/// What is wrong with rights, in one line.
pub(super) fn shown(proof: &RightsProof) -> String {
    let missing = proof.missing.iter().map(|right| format!("may not {right}"));
    let excess = proof.excess.iter().map(|one| format!("may {} ({})", one.right, one.by));
    missing.chain(excess).collect::<Vec<_>>().join("; ")
}
