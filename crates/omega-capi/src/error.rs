use std::time::Duration;

use omega_core::{Explain, Touched};

/// The management cluster could not be asked, or would not answer.
///
/// Nothing in this crate writes, so none of them leaves a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No client can be made from the kubeconfig.
    #[error("no client for {server}: {why}")]
    Config {
        /// The server and the context.
        server: String,
        /// Why.
        why: String,
    },
    /// No connection, no TLS, or it broke.
    #[error("{server} can't be reached: {why}")]
    Unreachable {
        /// The server and the context.
        server: String,
        /// The causes, outermost first.
        why: String,
    },
    /// The deadline passed.
    #[error("{server} did not answer GET {path} within {after:?}")]
    Deadline {
        /// The server and the context.
        server: String,
        /// What was asked for.
        path: String,
        /// The deadline.
        after: Duration,
    },
    /// The credentials were refused (401).
    #[error("{server} refused the credentials (401 to GET {path})")]
    Unauthorized {
        /// The server and the context.
        server: String,
        /// What was asked for.
        path: String,
    },
    /// The credentials don't allow it (403).
    #[error("{server} forbids it: may not {verb} {resource}")]
    Forbidden {
        /// The server and the context.
        server: String,
        /// The verb, as RBAC names it.
        verb: String,
        /// The resource (`clusters.cluster.x-k8s.io`) or the path (`/apis`).
        resource: String,
        /// The server's words.
        words: String,
    },
    /// Another error status.
    #[error("{server} answered {code} to GET {path}")]
    Status {
        /// The server and the context.
        server: String,
        /// What was asked for.
        path: String,
        /// The HTTP status.
        code: u16,
        /// The server's words, cut short.
        words: String,
    },
    /// What came back is not an answer, or only half of one.
    #[error("{server} gave no usable answer to GET {path}: {why}")]
    Malformed {
        /// The server and the context.
        server: String,
        /// What was asked for.
        path: String,
        /// What was wrong.
        why: String,
    },
}

impl Explain for Error {
    fn expected(&self) -> Option<String> {
        let Self::Forbidden { verb, resource, .. } = self else { return None };
        Some(format!("the right to {verb} {resource}"))
    }

    fn found(&self) -> Option<String> {
        let (Self::Forbidden { words, .. } | Self::Status { words, .. }) = self else {
            return None;
        };
        Some(words.clone()).filter(|words| !words.is_empty())
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Config { .. } => "check the kubeconfig: kubectl config view --minify".into(),
            Self::Unreachable { .. } => {
                "check the address, the security group and the machine behind it; is it running?"
                    .into()
            }
            Self::Deadline { .. } => "it may be starting or overloaded: ask GET /readyz".into(),
            Self::Unauthorized { .. } => {
                "get a new kubeconfig from the management cluster; this one is no longer known"
                    .into()
            }
            Self::Forbidden { verb, resource, .. } => {
                format!("let the kubeconfig's user {verb} {resource} (RBAC)")
            }
            Self::Status { code: 500.., .. } => {
                "the API server is unwell: ask GET /readyz?verbose".into()
            }
            Self::Status { .. } => "check that the server is a Kubernetes API".into(),
            Self::Malformed { .. } => {
                "ask again; if it stays, look for a proxy in between, or a broken APIService".into()
            }
        })
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }
}
