use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched};
use serde_json::{Value, json};

use crate::{ConnectFailure, Verb};

/// The management cluster could not be asked, or would not answer.
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
        /// What was sent.
        verb: Verb,
        /// Why, as data.
        cause: ConnectFailure,
        /// The causes, outermost first.
        why: String,
    },
    /// The deadline passed.
    #[error("{server} did not answer {verb} {path} within {after:?}")]
    Deadline {
        /// The server and the context.
        server: String,
        /// What was sent.
        verb: Verb,
        /// Of what.
        path: String,
        /// The deadline.
        after: Duration,
    },
    /// The credentials were refused (401).
    #[error("{server} refused the credentials (401 to {verb} {path})")]
    Unauthorized {
        /// The server and the context.
        server: String,
        /// What was sent.
        verb: Verb,
        /// Of what.
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
    /// Admission refuses the object (403): a policy, a quota, a webhook.
    #[error("{server} does not admit it ({verb} {path}): {words}")]
    NotAdmitted {
        /// The server and the context.
        server: String,
        /// What was sent.
        verb: Verb,
        /// Of what.
        path: String,
        /// Its words.
        words: String,
    },
    /// Another error status.
    #[error("{server} answered {code} to {verb} {path}{}", said(words))]
    Status {
        /// The server and the context.
        server: String,
        /// What was sent.
        verb: Verb,
        /// Of what.
        path: String,
        /// The HTTP status.
        code: u16,
        /// The server's words, cut short.
        words: String,
    },
    /// What came back is not an answer, or only half of one.
    #[error("{server} gave no usable answer to {verb} {path}: {why}")]
    Malformed {
        /// The server and the context.
        server: String,
        /// What was sent.
        verb: Verb,
        /// Of what.
        path: String,
        /// What was wrong.
        why: String,
    },
}

/// The words after a colon, if there are any.
fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl Diagnostic for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::Status { code: 429 | 500..=599, .. } => Retry::Transient,
            Self::Config { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotAdmitted { .. }
            | Self::Status { .. }
            | Self::Malformed { .. } => Retry::Final,
        }
    }

    fn expected(&self) -> Option<String> {
        let Self::Forbidden { verb, resource, .. } = self else { return None };
        Some(format!("the right to {verb} {resource}"))
    }

    fn found(&self) -> Option<String> {
        let Self::Forbidden { words, .. } = self else { return None };
        Some(words.clone()).filter(|words| !words.is_empty())
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Config { .. } => "check the kubeconfig: kubectl config view --minify".into(),
            Self::Unreachable { cause, .. } => cause.next().into(),
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
            Self::Status { code: 409, .. } => {
                "somebody else wrote it at the same time: look again, then plan again".into()
            }
            Self::NotAdmitted { .. } | Self::Status { code: 422, .. } => {
                "do what the server's words say".into()
            }
            Self::Status { .. } => "check that the server is a Kubernetes API".into(),
            Self::Malformed { .. } => {
                "ask again; if it stays, look for a proxy in between, or a broken APIService".into()
            }
        })
    }

    fn touched(&self) -> Touched {
        match self {
            // What the server says of a write that it refuses is true; of one that broke, nothing is
            // known.
            Self::Config { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotAdmitted { .. }
            | Self::Status { code: ..500, .. } => Touched::Nothing,
            Self::Unreachable { verb, .. }
            | Self::Deadline { verb, .. }
            | Self::Status { verb, .. }
            | Self::Malformed { verb, .. } => {
                if verb.writes() {
                    Touched::Maybe
                } else {
                    Touched::Nothing
                }
            }
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    fn detail(&self) -> Option<Value> {
        match self {
            Self::Unreachable { cause, .. } => Some(json!({ "unreachable": cause })),
            Self::NotAdmitted { words, .. } => Some(json!({ "not_admitted": words })),
            Self::Config { .. }
            | Self::Deadline { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Status { .. }
            | Self::Malformed { .. } => None,
        }
    }
}
