use std::{io, path::PathBuf};

use omega_capi::{
    access::failed_before_write,
    workload::{NoSuchCluster, WorkloadError},
};
use omega_core::{Diagnostic, Retry, Touched, kubeconfig::KubeconfigError};
use omega_openstack::container_infra::IssueError;
use serde_json::Value;

/// A cluster's kubeconfig could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Magnum could not be asked.
    #[error(transparent)]
    Magnum(#[from] omega_openstack::Error),
    /// Magnum signed no certificate.
    #[error("no client certificate was issued")]
    Issue(#[from] IssueError),
    /// The management cluster, or the cluster itself, could not be asked.
    #[error(transparent)]
    Api(#[from] omega_capi::Error),
    /// Cluster API has no such cluster, or several.
    #[error(transparent)]
    Cluster(#[from] NoSuchCluster),
    /// Cluster API's secret can't be used.
    #[error(transparent)]
    Secret(#[from] WorkloadError),
    /// There is no client for the source.
    #[error("{0} is needed to fetch the kubeconfig, and is not connected")]
    NotConnected(&'static str),
    /// What was fetched is no usable kubeconfig.
    #[error("what was fetched can't be used")]
    Unusable(#[from] KubeconfigError),
    /// The cluster is not what it was when it was looked at.
    #[error("the cluster {0} changed after it was looked at")]
    Moved(String),
    /// The file can't be read.
    #[error("could not read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("could not write {path}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FetchError {
    /// Returns the cause that has its own diagnosis, if there is one.
    fn cause(&self) -> Option<&dyn Diagnostic> {
        match self {
            Self::Magnum(error) => Some(error),
            Self::Issue(error) => Some(error),
            Self::Api(error) => Some(error),
            Self::Cluster(error) => Some(error),
            Self::Secret(error) => Some(error),
            Self::Unusable(error) => Some(error),
            Self::NotConnected(_) | Self::Moved(_) | Self::Read { .. } | Self::Write { .. } => None,
        }
    }
}

impl Diagnostic for FetchError {
    fn retry(&self) -> Retry {
        self.cause().map_or(Retry::Final, Diagnostic::retry)
    }

    fn expected(&self) -> Option<String> {
        self.cause()?.expected()
    }

    fn found(&self) -> Option<String> {
        self.cause()?.found()
    }

    fn detail(&self) -> Option<Value> {
        self.cause()?.detail()
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } | Self::Write { .. } => {
                "name a file in a directory that can be written: --out".to_owned()
            }
            Self::NotConnected(_) => "name it in the site file".to_owned(),
            Self::Moved(_) => "run the same command again".to_owned(),
            Self::Magnum(_)
            | Self::Issue(_)
            | Self::Api(_)
            | Self::Cluster(_)
            | Self::Secret(_)
            | Self::Unusable(_) => return self.cause()?.next(),
        })
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Write { source, .. } if !failed_before_write(source) => Touched::Maybe,
            Self::Magnum(_)
            | Self::Issue(_)
            | Self::Api(_)
            | Self::Cluster(_)
            | Self::Secret(_)
            | Self::Unusable(_)
            | Self::NotConnected(_)
            | Self::Moved(_)
            | Self::Read { .. }
            | Self::Write { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        self.cause().is_some_and(Diagnostic::timed_out)
    }

    fn cancelled(&self) -> bool {
        self.cause().is_some_and(Diagnostic::cancelled)
    }

    fn refused(&self) -> bool {
        self.cause().is_some_and(Diagnostic::refused)
    }
}
