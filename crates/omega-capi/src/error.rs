use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched, WriteRefused, run::HeldLock};
use serde_json::{Value, json};

use crate::{ConnectFailure, Verb, upstream_messages::is_conversion_failure};

/// A request to a Kubernetes API server failed.
///
/// `server` is its URL and the context of the kubeconfig; `verb` and `path` are the request. Messages
/// of the server are cut to 300 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are explained once, above")]
pub enum Error {
    /// No client can be created from the kubeconfig.
    #[error("could not create a client for {server}: {why}")]
    Config { server: String, why: String },
    /// No connection, a TLS failure, or a broken connection. `why` has the causes, outermost first;
    /// `names` are those in the server's certificate, if it has another name.
    #[error("{server} can't be reached: {why}")]
    Unreachable {
        server: String,
        verb: Verb,
        cause: ConnectFailure,
        names: Vec<String>,
        why: String,
    },
    /// The deadline passed.
    #[error("{server} did not answer {verb} {path} within {after:?}")]
    Deadline { server: String, verb: Verb, path: String, after: Duration },
    /// The credentials were refused (401).
    #[error("{server} refused the credentials (401 to {verb} {path})")]
    Unauthorized { server: String, verb: Verb, path: String },
    /// The user has no right to do this (403). `verb` is RBAC's; `resource` is one
    /// (`clusters.cluster.x-k8s.io`) or a path (`/apis`).
    #[error("{server} refused the request: no right to {verb} {resource}")]
    Forbidden { server: String, verb: String, resource: String, message: String },
    /// Admission rejected the object (403): a policy, a quota, a webhook.
    #[error("admission on {server} rejected {verb} {path}: {message}")]
    NotAdmitted { server: String, verb: Verb, path: String, message: String },
    /// Another error status.
    #[error("{server} answered {code} to {verb} {path}{}", after_colon(message))]
    Status { server: String, verb: Verb, path: String, code: u16, message: String },
    /// The response can't be parsed, or is incomplete.
    #[error("{server} gave no usable answer to {verb} {path}: {why}")]
    Malformed { server: String, verb: Verb, path: String, why: String },
    /// The run took the lock of the cluster and no longer has it: it expired, or was broken. Nothing was
    /// sent.
    #[error("this run no longer holds the lock of {server}: it expired, or was broken")]
    Fenced {
        server: String,
        /// The lock that is held instead.
        held: Option<Box<HeldLock>>,
    },
    /// Nothing of Cluster API is served: the kubeconfig is of another cluster, or it is not installed.
    #[error("{server} serves no kind of Cluster API: this is no management cluster")]
    NoManagement { server: String },
    /// The client only reads: see [`Management::read_only`](crate::Management::read_only). Nothing was
    /// sent.
    #[error(transparent)]
    ReadOnly(WriteRefused),
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Diagnostic for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::Status { code: 429 | 500..=599, .. } => Retry::Transient,
            Self::Config { .. }
            | Self::NoManagement { .. }
            | Self::ReadOnly(_)
            | Self::Fenced { .. }
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
        if let Self::Fenced { held, .. } = self {
            return held.as_ref().map(ToString::to_string);
        }
        let Self::Forbidden { message, .. } = self else { return None };
        Some(message.clone()).filter(|message| !message.is_empty())
    }

    fn next(&self) -> Option<String> {
        let next = match self {
            Self::ReadOnly(refused) => return refused.next(),
            Self::Fenced { .. } => {
                "find out what the other run did, then run it again: completed steps are not repeated"
            }
            Self::Config { .. } => "check the kubeconfig: kubectl config view --minify",
            Self::NoManagement { .. } => crate::coherence::NO_CORE,
            Self::Unreachable { cause, .. } => cause.next(),
            Self::Deadline { .. } => "it may be starting or overloaded: kubectl get --raw /readyz",
            Self::Unauthorized { .. } => {
                "get a new kubeconfig from the management cluster; this one is no longer accepted"
            }
            Self::Forbidden { verb, resource, .. } => {
                return Some(format!(
                    "give the kubeconfig's user the right to {verb} {resource} (RBAC)"
                ));
            }
            Self::Status { code: 500.., path, message, .. } if is_conversion_failure(message) => {
                return Some(conversion_remedy(path));
            }
            Self::Status { code: 502..=504, .. } => {
                "the API server, or the proxy in front of it, can't answer now: kubectl get --raw \
                 '/readyz?verbose'"
            }
            Self::Status { code: 500.., .. } => {
                "find out what is wrong with the API server: kubectl get --raw '/readyz?verbose'"
            }
            Self::Status { code: 429, .. } => "the API server is busy: try again in a moment",
            Self::Status { code: 300..=399, .. } => {
                "something else answers there: use the address of the API server itself"
            }
            Self::Status { code: 409, .. } => {
                "somebody else changed the object at the same time: make a new plan"
            }
            Self::NotAdmitted { .. } | Self::Status { code: 422, .. } => {
                "do what the server's message says"
            }
            Self::Status { .. } => "check that the server is a Kubernetes API",
            Self::Malformed { .. } => {
                "try again; if it stays, look for a proxy in between, or a broken APIService"
            }
        };
        Some(next.to_owned())
    }

    fn touched(&self) -> Touched {
        match self {
            // A refused write changed nothing. Whether a failed one did is not known.
            Self::Config { .. }
            | Self::NoManagement { .. }
            | Self::ReadOnly(_)
            | Self::Fenced { .. }
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
        matches!(
            self,
            Self::Deadline { .. }
                | Self::Unreachable { cause: ConnectFailure::TimedOut | ConnectFailure::Hung, .. }
        )
    }

    fn locked(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }

    fn refused(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    fn detail(&self) -> Option<Value> {
        if let Self::Fenced { held, .. } = self {
            return serde_json::to_value(held.as_ref()?).ok();
        }
        if let Self::Unreachable { cause, .. } = self {
            return Some(json!({ "unreachable": cause }));
        }
        let Self::NotAdmitted { message, .. } = self else { return None };
        Some(json!({ "not_admitted": message }))
    }
}

/// Returns what to do about a conversion webhook that can't be called while the object at `path` is read.
pub fn conversion_remedy(path: &str) -> String {
    let definition = definition_of(path).unwrap_or_else(|| "DEFINITION".to_owned());
    format!(
        "find out what serves the conversion webhook: kubectl get crd {definition} -o \
         jsonpath='{{.spec.conversion}}'; then check the Service and Endpoints that it names, and the \
         controller's pod and certificate"
    )
}

/// Returns the name of the definition of the object at
/// `/apis/GROUP/VERSION[/namespaces/NAMESPACE]/PLURAL[/NAME]`: `clusters.cluster.x-k8s.io`.
pub fn definition_of(path: &str) -> Option<String> {
    let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
    let mut parts = bare.strip_prefix("/apis/")?.split('/');
    let (group, _, third) = (parts.next()?, parts.next()?, parts.next()?);
    let plural = if third == "namespaces" { parts.nth(1)? } else { third };
    Some(format!("{plural}.{group}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kubernetes-sigs/cluster-api-operator#707, sapcc/helm-charts#6044.
    #[test]
    fn a_conversion_webhook_is_no_ill_api_server() {
        let at = |path: &str, message: &str| {
            let error = Error::Status {
                server: "s".into(),
                verb: Verb::Get,
                path: path.into(),
                code: 500,
                message: message.into(),
            };
            error.next().unwrap()
        };
        let clusters = at(
            "/apis/cluster.x-k8s.io/v1beta2/clusters?limit=500",
            "conversion webhook for cluster.x-k8s.io/v1beta1, Kind=Cluster failed: x509",
        );
        assert!(clusters.contains("get crd clusters.cluster.x-k8s.io -o"), "{clusters}");
        assert!(at("/apis/cluster.x-k8s.io", "etcdserver: timeout").contains("/readyz"));
        let named = |path| definition_of(path);
        let one = "/apis/a.b/v1/namespaces/n/things/x";
        assert_eq!(named(one).as_deref(), Some("things.a.b"));
        assert_eq!(named("/api/v1/nodes"), None);
    }
}
