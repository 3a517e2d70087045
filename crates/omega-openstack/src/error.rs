//! Why a call to a cloud failed, as an operator needs it.

use std::fmt;

use omega_core::{Diagnostic, Retry, Touched};

use crate::Request;

/// A call to a cloud failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Keystone gave no token.
    #[error("could not log in to {cloud} as {user}")]
    Login {
        /// The cloud, as the operator named it.
        cloud: String,
        /// Who was to log in.
        user: String,
        /// What to do about it.
        next: Option<String>,
        /// Why not.
        source: Box<Error>,
    },
    /// The catalog has no endpoint for the service.
    #[error("the catalog of {cloud} has no {interface} endpoint for {service}{region}")]
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
    /// No answer arrived.
    #[error("{request}: no answer from {url}")]
    Unreachable {
        /// The request.
        request: String,
        /// The scheme, host and port that were asked.
        url: String,
        /// Whether a deadline passed.
        timed_out: bool,
        /// Whether anything may have changed.
        touched: Touched,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer was not what the API documents.
    #[error("{request}: the answer makes no sense: {why}{}", id_suffix(request_id.as_deref()))]
    Malformed {
        /// The request.
        request: String,
        /// What was wrong with it.
        why: String,
        /// The service's id of the request.
        request_id: Option<String>,
        /// Whether anything may have changed.
        touched: Touched,
    },
    /// What was named does not exist.
    #[error("there is no {noun} {name:?} in {place}")]
    Absent {
        /// What kind of thing.
        noun: String,
        /// The name as given.
        name: String,
        /// Where it was looked for.
        place: String,
        /// What the operator can do.
        next: String,
    },
    /// What a service said it had deleted is still there.
    #[error("{noun} {id} is still there, and {place} said that it was deleted")]
    StillThere {
        /// What kind of thing.
        noun: String,
        /// Its id.
        id: String,
        /// Where it is.
        place: String,
    },
    /// Several things have the name.
    #[error("{count} {noun} are named {name:?} in {place}")]
    Ambiguous {
        /// How many.
        count: usize,
        /// What kind of thing, in the plural.
        noun: String,
        /// The name as given.
        name: String,
        /// Where it was looked for.
        place: String,
    },
    /// The token has no project, and the operation needs one.
    #[error("the token for {0} is not scoped to a project")]
    NoProject(String),
    /// The token is of another project than the one that was wanted: an application credential is
    /// bound to its own.
    #[error("{cloud}: the login is for project {found}, and {wanted} is wanted")]
    OtherProject {
        /// The cloud.
        cloud: String,
        /// The project that was wanted.
        wanted: String,
        /// The token's own.
        found: String,
    },
    /// A client for HTTPS could not be made.
    #[error("could not set up HTTPS for {cloud}: {why}")]
    Tls {
        /// The cloud, as the operator named it.
        cloud: String,
        /// What was wrong.
        why: String,
    },
}

/// A service's own words when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request.
    pub request: String,
    /// Whether it was a write.
    pub write: bool,
    /// The HTTP status.
    pub status: u16,
    /// The service's name for the reason (`SecurityGroupRuleExists`), where it gives one.
    pub kind: Option<String>,
    /// The service's own words.
    pub message: String,
    /// The service's id of the request.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, write: _, status, kind, message, request_id: id } = self;
        write!(f, "{request}: {status}")?;
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
            | Self::Absent { .. }
            | Self::StillThere { .. }
            | Self::Ambiguous { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Tls { .. } => None,
        }
    }

    /// Returns whether the service refused with `status` for the reason `kind`.
    pub fn is(&self, status: u16, kind: &str) -> bool {
        self.refusal().is_some_and(|r| r.status == status && r.kind.as_deref() == Some(kind))
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

impl Refusal {
    fn next(&self) -> Option<String> {
        let next = match (self.status, self.kind.as_deref()) {
            (_, Some("OverQuota")) => {
                "raise the project's quota (openstack quota show, quota set) or remove what is unused"
            }
            (401, _) => "check the user, its password and their domains",
            (403, _) => {
                "use a user whose role on this scope permits it; the service's policy says no"
            }
            (429, _) => "wait: the service limits the rate of requests",
            (500.., _) => "look for the request id in the service's log",
            _ => return None,
        };
        Some(next.to_owned())
    }

    fn touched(&self) -> Touched {
        // A 4xx is an answer to the whole request: nothing of it was done.
        if self.write && self.status >= 500 { Touched::Maybe } else { Touched::Nothing }
    }
}

impl Diagnostic for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::Transient,
            Self::Refused(refusal) if refusal.status == 429 || refusal.status >= 500 => {
                Retry::Transient
            }
            Self::Login { source, .. } => source.retry(),
            Self::NoEndpoint { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::Absent { .. }
            | Self::StillThere { .. }
            | Self::Ambiguous { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Tls { .. } => Retry::Final,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::NoEndpoint { have, .. } if have.is_empty() => {
                Some("no endpoint of that type at all".to_owned())
            }
            Self::NoEndpoint { have, .. } => Some(have.join(", ")),
            Self::Login { source, .. } => source.found(),
            Self::Unreachable { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::Absent { .. }
            | Self::StillThere { .. }
            | Self::Ambiguous { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Tls { .. } => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Login { next: Some(next), .. } | Self::Absent { next, .. } => Some(next.clone()),
            Self::Login { source, next: None, .. } => source.next(),
            Self::NoEndpoint { .. } => {
                Some("check region_name and interface, and `openstack catalog list`".to_owned())
            }
            Self::Refused(refusal) => refusal.next(),
            Self::Ambiguous { noun, .. } => {
                Some(format!("rename or remove {noun} until the name says which one is meant"))
            }
            Self::NoProject(_) => {
                Some("name a project (project_name and its domain, or project_id)".to_owned())
            }
            Self::OtherProject { .. } => {
                let next = "use a password, or an application credential made in that project";
                Some(next.to_owned())
            }
            Self::Unreachable { .. } => {
                Some("check the address, the route to it, and cacert where it is HTTPS".to_owned())
            }
            Self::StillThere { noun, .. } => {
                Some(format!("look for the {noun} in the service's log, then run this again"))
            }
            Self::Malformed { .. } | Self::Tls { .. } => None,
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Unreachable { touched, .. } | Self::Malformed { touched, .. } => *touched,
            Self::StillThere { .. } => Touched::Maybe,
            Self::Refused(refusal) => refusal.touched(),
            Self::Login { .. }
            | Self::NoEndpoint { .. }
            | Self::Absent { .. }
            | Self::Ambiguous { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Tls { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        match self {
            Self::Unreachable { timed_out, .. } => *timed_out,
            Self::Login { source, .. } => source.timed_out(),
            Self::NoEndpoint { .. }
            | Self::Refused(_)
            | Self::Malformed { .. }
            | Self::Absent { .. }
            | Self::StillThere { .. }
            | Self::Ambiguous { .. }
            | Self::NoProject(_)
            | Self::OtherProject { .. }
            | Self::Tls { .. } => false,
        }
    }
}
