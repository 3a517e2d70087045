//! The errors of calls to a cloud.

use std::{fmt, sync::Arc};

use omega_core::{Diagnostic, Retry, Touched, WriteRefused};

use serde::{Deserialize, Serialize};

use crate::{
    RefusalReason, Request, RetryAfter, TransportCause, cloud::ENVIRONMENT,
    transport_cause::Happened,
};

/// The name of a cloud in a message. The one of the `OS_*` variables has no name of the operator's.
fn said(cloud: &str) -> &str {
    if cloud == ENVIRONMENT { "the cloud of the OS_* variables" } else { cloud }
}

/// A call to a cloud failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Keystone returned no token.
    #[error("could not log in to {} as {user}", said(cloud))]
    Login {
        /// The cloud, as the operator named it.
        cloud: String,
        /// The user.
        user: String,
        /// What to do about it.
        next: Option<String>,
        /// The cause. Other sessions with the same credential may share it.
        source: Arc<Error>,
    },
    /// The catalog has no endpoint for the service.
    #[error("the catalog of {} has no {interface} endpoint for {service}{region}", said(cloud))]
    NoEndpoint {
        /// The cloud, as the operator named it.
        cloud: String,
        /// The service's type.
        service: String,
        /// `public`, `internal` or `admin`.
        interface: String,
        /// ` in region X`, or nothing.
        region: String,
        /// What the catalog has for this service.
        have: Vec<String>,
    },
    /// No answer arrived, or not all of it.
    #[error("{request}: no answer from {url}{cause}")]
    Unreachable {
        /// The request.
        request: String,
        /// Where it was sent, without the query.
        url: String,
        /// What happened to the exchange.
        cause: TransportCause,
        /// Whether anything may have changed.
        touched: Touched,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The response was not what the API documents.
    #[error("{request}: unexpected response: {why}{}", id_suffix(request_id.as_deref()))]
    Malformed {
        /// The request.
        request: String,
        /// What is wrong with it.
        why: String,
        /// The service's id of the request.
        request_id: Option<String>,
        /// Whether anything may have changed.
        touched: Touched,
    },
    /// The token has no project, and the operation needs one.
    #[error("the token for {0} is not scoped to a project")]
    NoProject(String),
    /// The token is for another project than expected: an application credential is bound to its
    /// own project.
    #[error("{cloud}: the login is for project {found} instead of {wanted}")]
    OtherProject {
        /// The cloud.
        cloud: String,
        /// The expected project.
        wanted: String,
        /// The token's own.
        found: String,
    },
    /// The token has none of the roles that an operation needs. Nothing was sent.
    #[error("{cloud}: the token of {user} has no role for {what}")]
    LacksRole {
        /// The cloud and the project.
        cloud: String,
        /// The token's user.
        user: String,
        /// What it is needed for.
        what: String,
        /// The roles, of which one is enough.
        needs: Vec<String>,
        /// The token's roles.
        has: Vec<String>,
    },
    /// The run was cancelled, or its deadline passed, before the answer arrived.
    #[error("{request}: cancelled before the answer arrived")]
    Cancelled {
        /// The request.
        request: String,
        /// Whether it was a deadline.
        timed_out: bool,
        /// Whether anything may have changed.
        touched: Touched,
    },
    /// The source of an image could not be read, or is not what it should be.
    #[error("{source}")]
    Source {
        /// Whether anything may have changed.
        touched: Touched,
        /// What is wrong with it.
        source: crate::image::SourceError,
    },
    /// The transport only reads: see [`ReadOnly`](crate::ReadOnly). Nothing was sent.
    #[error(transparent)]
    ReadOnly(WriteRefused),
    /// A client for HTTPS could not be made.
    #[error("could not set up HTTPS for {cloud}: {why}")]
    Tls {
        /// The cloud, as the operator named it.
        cloud: String,
        /// What is wrong.
        why: String,
    },
}

/// A service's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The request.
    pub request: String,
    /// Whether it was a write.
    pub write: bool,
    /// The HTTP status.
    pub status: u16,
    /// The service's name for the reason (`SecurityGroupRuleExists`), if it has one.
    pub kind: Option<String>,
    /// The service's message.
    pub message: String,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// When the service allows the next request, if it says so.
    pub retry_after: Option<RetryAfter>,
    /// Where the request was sent, without its query, if that is known.
    #[serde(default)]
    pub url: Option<String>,
    /// What to do about it, where the caller knows more than the reason tells.
    #[serde(default)]
    pub next: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, status, kind, message, request_id: id, .. } = self;
        f.write_str(request)?;
        // Whatever else answered at a wrong address, the address is what tells.
        if let (Some(url), 300..=399 | 404..=406 | 501..=504) = (&self.url, status) {
            write!(f, " at {url}")?;
        }
        write!(f, ": {status}")?;
        if let Some(kind) = kind {
            write!(f, " {kind}")?;
        }
        write!(f, ": {message}{}", id_suffix(id.as_deref()))
    }
}

fn id_suffix(id: Option<&str>) -> String {
    id.map(|id| format!(" ({id})")).unwrap_or_default()
}

impl Error {
    /// Returns the refusal, if the service refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Login { .. }
            | Self::NoEndpoint { .. }
            | Self::Unreachable { .. }
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::LacksRole { .. }
            | Self::Cancelled { .. }
            | Self::Source { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => None,
        }
    }

    /// Returns why the service refused, if it did.
    pub fn reason(&self) -> Option<RefusalReason> {
        self.refusal().map(Refusal::reason)
    }

    pub(crate) fn malformed(request: &Request, id: Option<String>, why: impl fmt::Display) -> Self {
        Self::Malformed {
            request: request.to_string(),
            why: why.to_string(),
            request_id: id,
            touched: if request.writes() { Touched::Maybe } else { Touched::Nothing },
        }
    }
}

/// What to do about an answer that is not the service's.
const PROXY: &str = "a proxy answered in the service's place: check that the service runs, and the \
                     proxy's backends";

impl Refusal {
    /// Returns the reason, for programs.
    pub fn reason(&self) -> RefusalReason {
        RefusalReason::new(self.status, self.kind.as_deref(), &self.message)
    }

    fn next(&self) -> Option<String> {
        if self.next.is_some() {
            return self.next.clone();
        }
        let id = self.request_id.as_deref();
        match (self.reason(), id) {
            // A service has no such answer to a read.
            (RefusalReason::Conflict | RefusalReason::Invalid, None)
                if !self.write && matches!(self.status, 409 | 413) =>
            {
                Some(PROXY.to_owned())
            }
            (RefusalReason::Invalid, _) if self.status == 413 => Some(
                "look for a limit on the size of requests in the proxy in front of the service, and in \
                 the service"
                    .to_owned(),
            ),
            // A login has its own advice.
            (RefusalReason::NotAuthenticated, _) => Some(
                "the service refused the token that Keystone had just given: look at the service's own \
                 login to Keystone (keystone_authtoken), and at the clocks; then run the same command again"
                    .to_owned(),
            ),
            (RefusalReason::ServiceFault | RefusalReason::Unavailable, Some(id)) => {
                Some(format!("look for {id} in the service's log"))
            }
            (RefusalReason::Unavailable, None) => Some(PROXY.to_owned()),
            (RefusalReason::ServiceFault, None) => Some("look into the service's log".to_owned()),
            (reason, _) => reason.next().map(str::to_owned),
        }
    }

    fn retry(&self) -> Retry {
        match self.reason() {
            RefusalReason::RateLimited
            | RefusalReason::Unavailable
            | RefusalReason::ServiceFault => Retry::Transient,
            RefusalReason::NotAuthenticated
            | RefusalReason::NoSuchCredential
            | RefusalReason::PolicyForbids
            | RefusalReason::OverQuota
            | RefusalReason::NotFound
            | RefusalReason::ImageNotFound
            | RefusalReason::ImageLacksDistro
            | RefusalReason::ReferenceNotFound
            | RefusalReason::AlreadyExists
            | RefusalReason::InUse
            | RefusalReason::BeingDeleted
            | RefusalReason::Busy
            | RefusalReason::Conflict
            | RefusalReason::NotSupported
            | RefusalReason::Redirected
            | RefusalReason::VersionNotSupported
            | RefusalReason::Invalid => Retry::Final,
        }
    }

    fn touched(&self) -> Touched {
        // A 4xx or a 501 rejects the whole request: nothing was changed.
        if self.write && self.status >= 500 && self.status != 501 {
            Touched::Maybe
        } else {
            Touched::Nothing
        }
    }
}

impl Diagnostic for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { cause, .. } => cause.retry(),
            Self::Refused(refusal) => refusal.retry(),
            Self::Login { source, .. } => source.retry(),
            Self::Source { source, .. } => source.retry(),
            Self::NoEndpoint { .. }
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::LacksRole { .. }
            | Self::Cancelled { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => Retry::Final,
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Source { source, .. } => source.expected(),
            Self::LacksRole { needs, .. } => Some(format!("the role {}", needs.join(" or "))),
            Self::Login { .. }
            | Self::NoEndpoint { .. }
            | Self::Unreachable { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Cancelled { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => None,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::NoEndpoint { have, .. } if have.is_empty() => {
                Some("no endpoint of that type".to_owned())
            }
            Self::NoEndpoint { have, .. } => Some(have.join(", ")),
            Self::Login { source, .. } => source.found(),
            Self::Source { source, .. } => source.found(),
            Self::LacksRole { has, .. } if has.is_empty() => Some("no role".to_owned()),
            Self::LacksRole { has, .. } => Some(format!("the roles {}", has.join(", "))),
            Self::Unreachable { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Cancelled { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Login { next: Some(next), .. } => Some(next.clone()),
            Self::Login { source, next: None, .. } => source.next(),
            Self::NoEndpoint { .. } => {
                Some("check region_name and interface, and `openstack catalog list`".to_owned())
            }
            Self::Refused(refusal) => refusal.next(),
            Self::Source { source, .. } => source.next(),
            Self::NoProject(_) => {
                Some("set a project (project_name and its domain, or project_id)".to_owned())
            }
            Self::LacksRole { needs, .. } => Some(format!(
                "log in as an administrator (admin-openrc), or have the role given to this user on a \
                 project: openstack role add --user USER --project PROJECT {}",
                needs.last().map_or("ROLE", String::as_str)
            )),
            Self::OtherProject { .. } => {
                let next = "use a password, or an application credential created in that project";
                Some(next.to_owned())
            }
            Self::Unreachable { url, cause, source, .. } => {
                let known = source.downcast_ref::<Happened>();
                let next = known.map_or_else(|| cause.next(), |happened| happened.next);
                // Certificates are of no account without HTTPS.
                let plain = url.starts_with("http://") && next == TransportCause::Other.next();
                Some(if plain { TransportCause::Connect.next() } else { next }.to_owned())
            }
            Self::Malformed { .. } => Some(
                "check that it is the service's own address (openstack catalog list), and the proxy or \
                 load balancer in front of it"
                    .to_owned(),
            ),
            Self::Tls { .. } => Some(
                "check the file of CA certificates that is named (cacert or OS_CACERT of a cloud): that \
                 it is there, that you can read it, and that it has certificates in PEM"
                    .to_owned(),
            ),
            Self::ReadOnly(refused) => refused.next(),
            Self::Cancelled { .. } => {
                Some("run the same command again: completed steps are not repeated".to_owned())
            }
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Unreachable { touched, .. }
            | Self::Malformed { touched, .. }
            | Self::Source { touched, .. }
            | Self::Cancelled { touched, .. } => *touched,
            Self::Refused(refusal) => refusal.touched(),
            Self::Login { .. }
            | Self::NoEndpoint { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::LacksRole { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        match self {
            Self::Unreachable { cause, .. } => cause.timed_out(),
            Self::Cancelled { timed_out, .. } => *timed_out,
            Self::Login { source, .. } => source.timed_out(),
            Self::NoEndpoint { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::LacksRole { .. }
            | Self::Source { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => false,
        }
    }

    fn refused(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    fn cancelled(&self) -> bool {
        match self {
            Self::Cancelled { timed_out, .. } => !timed_out,
            Self::Login { source, .. } => source.cancelled(),
            Self::Unreachable { .. }
            | Self::NoEndpoint { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::LacksRole { .. }
            | Self::Source { .. }
            | Self::ReadOnly(_)
            | Self::Tls { .. } => false,
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
