use omega_core::{Diagnostic, Failure, Retry, Touched};
use serde_json::Value;

/// An operation on a workload cluster could not read or write something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Magnum did not answer, or refused.
    #[error(transparent)]
    Magnum(#[from] omega_openstack::Error),
    /// The management cluster did not answer, or refused.
    #[error(transparent)]
    Management(#[from] omega_capi::Error),
    /// The cluster's own credential could not be checked.
    #[error("{0}")]
    Credential(Box<Failure>),
}

impl ClusterError {
    fn cause(&self) -> &dyn Diagnostic {
        match self {
            Self::Magnum(error) => error,
            Self::Management(error) => error,
            Self::Credential(failure) => &**failure,
        }
    }
}

impl Diagnostic for ClusterError {
    fn retry(&self) -> Retry {
        self.cause().retry()
    }
    fn expected(&self) -> Option<String> {
        self.cause().expected()
    }
    fn found(&self) -> Option<String> {
        self.cause().found()
    }
    fn next(&self) -> Option<String> {
        self.cause().next()
    }
    fn detail(&self) -> Option<Value> {
        self.cause().detail()
    }
    fn touched(&self) -> Touched {
        self.cause().touched()
    }
    fn timed_out(&self) -> bool {
        self.cause().timed_out()
    }

    fn cancelled(&self) -> bool {
        self.cause().cancelled()
    }

    fn refused(&self) -> bool {
        self.cause().refused()
    }
}
