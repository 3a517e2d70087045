use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched, WriteRefused};

use crate::{ActionFailure, FailureCode, ProbeFailure, channel::Stage};

/// A probe or an action failed.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum Error {
    /// There is no connection, or it was lost.
    #[error("{unit} can't be reached by {via}: {why}")]
    Unreachable {
        unit: String,
        via: String,
        why: String,
        next: Option<String>,
        /// Whether an action had been sent.
        touched: Touched,
        /// Whether a retry may succeed.
        retry: Retry,
    },
    /// The host key differs from the one in `known_hosts`.
    #[error("the host key of {host} differs from the one in known_hosts")]
    HostKey {
        host: String,
        /// The known keys, and where they are.
        expected: String,
        /// The fingerprint that the machine presented.
        found: String,
    },
    /// The host is not in `known_hosts`, so its identity can't be checked.
    #[error("the host key of {host} is not in known_hosts")]
    UnknownHost {
        host: String,
        /// The fingerprint that the machine presented.
        found: String,
        /// The `known_hosts` files that were read.
        files: String,
        /// The line to add.
        line: String,
    },
    /// The credentials were refused.
    #[error("{unit} refused the credentials ({via})")]
    Denied {
        unit: String,
        via: String,
        /// Which credentials were tried.
        tried: String,
        /// What to do about it.
        next: String,
    },
    /// The login of juju to its controller has expired, or there is none. Nothing was sent to a unit.
    #[error("juju is not logged in to {}", controller.as_deref().map_or_else(|| "its controller".to_owned(), |name| format!("controller {name}")))]
    NotLoggedIn {
        /// The controller, if it is known.
        controller: Option<String>,
        /// What juju said.
        why: String,
    },
    /// The deadline passed at `stage`.
    #[error("{}", stage.late(unit, *after))]
    Deadline {
        unit: String,
        stage: Stage,
        after: Duration,
        /// Whether it was an action.
        touched: Touched,
    },
    /// `juju exec` exited 0 and printed nothing: no task was scheduled.
    #[error("juju scheduled no task on {unit}")]
    NothingScheduled { unit: String },
    /// The response is incomplete or has the wrong form.
    #[error("unexpected response from {unit}: {why}")]
    Malformed {
        unit: String,
        /// What is wrong, without content that may be secret.
        why: String,
        /// Whether it was an action.
        touched: Touched,
    },
    /// One probe failed.
    #[error("{unit}: could not determine {question}: {}", failure.why)]
    Probe {
        unit: String,
        /// What was to be determined.
        question: String,
        failure: ProbeFailure,
    },
    /// An action failed on the unit.
    #[error("{unit}: {}", failure.why)]
    Failed { unit: String, failure: ActionFailure },
    /// The content that a desired fact names by digest is not available.
    #[error("the source {name} is not available, or has changed since the plan was made")]
    Source { name: String },
    /// juju failed at something that concerns the model, or refused it.
    #[error("juju could not {doing}: {why}")]
    Juju {
        /// What was to be done.
        doing: String,
        why: String,
        next: String,
        /// Whether it may have had an effect.
        touched: Touched,
        /// Whether a retry may succeed.
        retry: Retry,
    },
    /// The channel or juju only reads: see [`ReadOnly`](crate::channel::ReadOnly). Nothing was sent.
    #[error(transparent)]
    ReadOnly(WriteRefused),
    /// The model has no such application, or it has no units.
    #[error("{application}: {why}")]
    NoUnits {
        application: String,
        why: String,
        /// What the model has instead.
        found: String,
    },
}

impl Error {
    /// Returns the failure code, if the agent on the unit reported the failure.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other error has a code")]
    pub fn code(&self) -> Option<&FailureCode> {
        match self {
            Self::Probe { failure, .. } => Some(&failure.code),
            Self::Failed { failure, .. } => Some(&failure.code),
            _ => None,
        }
    }

    /// Returns the variant's name, for a trace.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::HostKey { .. } => "host-key",
            Self::UnknownHost { .. } => "unknown-host",
            Self::Denied { .. } => "denied",
            Self::NotLoggedIn { .. } => "not-logged-in",
            Self::Deadline { .. } => "deadline",
            Self::NothingScheduled { .. } => "nothing-scheduled",
            Self::Malformed { .. } => "malformed",
            Self::Probe { .. } => "probe",
            Self::Failed { .. } => "failed",
            Self::Source { .. } => "source",
            Self::Juju { .. } => "juju",
            Self::NoUnits { .. } => "no-units",
            Self::ReadOnly(_) => "read-only",
        }
    }
}

/// Separates the failure of one probe from errors of the channel.
pub(crate) fn answered<T>(answer: Result<T, Error>) -> Result<Result<T, ProbeFailure>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Probe { failure, .. }) => Ok(Err(failure)),
        Err(error) => Err(error),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most errors have no such detail")]
impl Diagnostic for Error {
    fn expected(&self) -> Option<String> {
        match self {
            Self::HostKey { expected, .. } => Some(expected.clone()),
            Self::UnknownHost { files, .. } => Some(format!("a line for it in {files}")),
            Self::Failed { failure, .. } => failure.expected.clone(),
            Self::NoUnits { application, .. } => {
                Some(format!("an application {application} with units"))
            }
            _ => None,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::HostKey { found, .. }
            | Self::UnknownHost { found, .. }
            | Self::NoUnits { found, .. } => Some(found.clone()),
            Self::Failed { failure, .. } => {
                failure.found.clone().or_else(|| Some(failure.held.as_ref()?.to_string()))
            }
            Self::Denied { tried, .. } => Some(format!("tried {tried}")),
            Self::NotLoggedIn { why, .. } => Some(format!("juju: {why}")),
            _ => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Unreachable { next, .. } => next.clone(),
            Self::Juju { next, .. } | Self::Denied { next, .. } => Some(next.clone()),
            Self::Malformed { .. } => Some(
                "run the same command again; if it stays, find out what cuts or changes what the program \
                 prints (a script in the place of juju, a login script on the unit)"
                    .to_owned(),
            ),
            Self::ReadOnly(refused) => refused.next(),
            Self::Failed { failure, .. } => {
                failure.next.clone().or_else(|| Some(failure.held.as_ref()?.next()))
            }
            Self::HostKey { host, .. } => Some(format!(
                "if the machine was rebuilt, compare the fingerprint on its console, then replace \
                 the line for {host} in known_hosts"
            )),
            Self::UnknownHost { line, .. } => Some(format!(
                "compare the fingerprint with that on the machine's console (ssh-keygen -lf \
                 /etc/ssh/ssh_host_*_key.pub), then add to known_hosts: {line}"
            )),
            Self::NotLoggedIn { controller, .. } => Some(format!(
                "run juju login -c {}, then run this again: nothing was changed",
                controller.as_deref().unwrap_or("CONTROLLER (one of: juju controllers)")
            )),
            Self::Deadline { unit, stage, touched, .. } => Some(stage.next(unit, *touched)),
            Self::NothingScheduled { unit } => {
                Some(format!("look at juju status {unit}: the unit may be gone or its agent lost"))
            }
            Self::NoUnits { .. } => {
                Some("check the application's name and the model in juju status".to_owned())
            }
            _ => None,
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Unreachable { touched, .. }
            | Self::Deadline { touched, .. }
            | Self::Malformed { touched, .. }
            | Self::Juju { touched, .. } => *touched,
            Self::Failed { failure, .. } => failure.touched,
            Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::NotLoggedIn { .. }
            | Self::NothingScheduled { .. }
            | Self::Probe { .. }
            | Self::Source { .. }
            | Self::ReadOnly(_)
            | Self::NoUnits { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    fn locked(&self) -> bool {
        matches!(self.code(), Some(FailureCode::Held | FailureCode::Fenced))
    }

    fn detail(&self) -> Option<serde_json::Value> {
        let Self::Failed { failure, .. } = self else { return None };
        failure.held.as_ref().and_then(|held| serde_json::to_value(held).ok())
    }

    fn refused(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { retry, .. } | Self::Juju { retry, .. } => *retry,
            Self::Deadline { .. } | Self::NothingScheduled { .. } | Self::Malformed { .. } => {
                Retry::Transient
            }
            Self::Probe { failure, .. } => failure.code.retry(),
            Self::Failed { failure, .. } => failure.code.retry(),
            Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::NotLoggedIn { .. }
            | Self::Source { .. }
            | Self::ReadOnly(_)
            | Self::NoUnits { .. } => Retry::Final,
        }
    }
}
