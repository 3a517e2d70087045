use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched};

use crate::{FailureCode, ProbeFailure};

/// A unit could not be asked, or would not do what it was told.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or it broke.
    #[error("{unit} can't be reached by {via}: {why}")]
    Unreachable {
        /// The unit's label.
        unit: String,
        /// The channel.
        via: String,
        /// Why.
        why: String,
        /// What to do about it.
        next: Option<String>,
        /// Whether an action had been sent.
        touched: Touched,
        /// Whether it may be reached a moment later.
        retry: Retry,
    },
    /// The machine is not the one on record.
    #[error("the host key of {host} is not the one on record")]
    HostKey {
        /// Host and port.
        host: String,
        /// What is on record, and where.
        expected: String,
        /// The fingerprint that the machine presented.
        found: String,
    },
    /// The machine is not on record, so nothing tells that it is the right one.
    #[error("the host key of {host} is not on record")]
    UnknownHost {
        /// Host and port.
        host: String,
        /// The fingerprint that the machine presented.
        found: String,
        /// The `known_hosts` files that were read.
        files: String,
        /// The line that would put it on record.
        line: String,
    },
    /// The credentials were refused.
    #[error("{unit} refused the credentials ({via})")]
    Denied {
        /// The unit's label.
        unit: String,
        /// The channel.
        via: String,
        /// What was tried.
        tried: String,
    },
    /// The deadline passed; what runs there may still be running.
    #[error("{unit} did not answer within {after:?} ({doing})")]
    Deadline {
        /// The unit's label.
        unit: String,
        /// What was being done.
        doing: String,
        /// The deadline.
        after: Duration,
        /// Whether it was an action.
        touched: Touched,
    },
    /// `juju exec` exited 0 and printed nothing: no task was scheduled.
    #[error("juju scheduled nothing on {unit}")]
    NothingScheduled {
        /// The unit's label.
        unit: String,
    },
    /// What came back is not a whole answer.
    #[error("unexpected response of {unit}: {why}")]
    Malformed {
        /// The unit's label.
        unit: String,
        /// What was wrong, without content that may be secret.
        why: String,
        /// Whether it was an action.
        touched: Touched,
    },
    /// One probe failed.
    #[error("{unit} could not tell {question}: {}", failure.why)]
    Probe {
        /// The unit's label.
        unit: String,
        /// What was asked.
        question: String,
        /// Why it failed.
        failure: ProbeFailure,
    },
    /// An action failed on the unit, in its agent's words.
    #[error("{unit}: {why}")]
    Failed {
        /// The unit's label.
        unit: String,
        /// Why.
        why: String,
        /// What kind of failure it is.
        code: FailureCode,
        /// What was wanted.
        expected: Option<String>,
        /// What was found.
        found: Option<String>,
        /// What to do about it.
        next: Option<String>,
        /// Whether anything may have changed.
        touched: Touched,
    },
    /// The bytes that a desired fact names by digest are not at hand.
    #[error("the source {name} is not at hand, or is not what the plan was made for")]
    Source {
        /// Its name.
        name: String,
    },
    /// Juju knows no such application, or no unit of it.
    #[error("{application}: {why}")]
    NoUnits {
        /// The application.
        application: String,
        /// Why.
        why: String,
        /// What the model has instead.
        found: String,
    },
}

impl Error {
    /// Returns what kind of failure the unit's agent reports, if it was the agent.
    pub fn code(&self) -> Option<&FailureCode> {
        match self {
            Self::Probe { failure, .. } => Some(&failure.code),
            Self::Failed { code, .. } => Some(code),
            Self::Unreachable { .. }
            | Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::Deadline { .. }
            | Self::NothingScheduled { .. }
            | Self::Malformed { .. }
            | Self::Source { .. }
            | Self::NoUnits { .. } => None,
        }
    }

    /// Returns the variant's name, for a trace.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::HostKey { .. } => "host-key",
            Self::UnknownHost { .. } => "unknown-host",
            Self::Denied { .. } => "denied",
            Self::Deadline { .. } => "deadline",
            Self::NothingScheduled { .. } => "nothing-scheduled",
            Self::Malformed { .. } => "malformed",
            Self::Probe { .. } => "probe",
            Self::Failed { .. } => "failed",
            Self::Source { .. } => "source",
            Self::NoUnits { .. } => "no-units",
        }
    }
}

/// Keeps why one question could not be answered, and passes on why none could.
pub(crate) fn answered<T>(answer: Result<T, Error>) -> Result<Result<T, ProbeFailure>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Probe { failure, .. }) => Ok(Err(failure)),
        Err(error) => Err(error),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most errors know nothing of it")]
impl Diagnostic for Error {
    fn expected(&self) -> Option<String> {
        match self {
            Self::HostKey { expected, .. } => Some(expected.clone()),
            Self::UnknownHost { files, .. } => Some(format!("a line for it in {files}")),
            Self::Failed { expected, .. } => expected.clone(),
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
            Self::Failed { found, .. } => found.clone(),
            Self::Denied { tried, .. } => Some(format!("tried {tried}")),
            _ => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Unreachable { next, .. } | Self::Failed { next, .. } => next.clone(),
            Self::HostKey { host, .. } => Some(format!(
                "if the machine was rebuilt, compare the fingerprint on its console, then \
                 replace the line for {host} in known_hosts"
            )),
            Self::UnknownHost { line, .. } => Some(format!(
                "compare the fingerprint with the machine's own (ssh-keygen -lf \
                 /etc/ssh/ssh_host_*_key.pub on its console), then add to known_hosts: {line}"
            )),
            Self::Deadline { .. } => Some(
                "if it was reached, what was sent may still be running there: look again first"
                    .into(),
            ),
            Self::NothingScheduled { unit } => {
                Some(format!("look at juju status {unit}: the unit may be gone or its agent lost"))
            }
            Self::NoUnits { .. } => {
                Some("name the application as juju status does, and the model".to_owned())
            }
            _ => None,
        }
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Unreachable { touched, .. }
            | Self::Deadline { touched, .. }
            | Self::Malformed { touched, .. }
            | Self::Failed { touched, .. } => *touched,
            Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::NothingScheduled { .. }
            | Self::Probe { .. }
            | Self::Source { .. }
            | Self::NoUnits { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { retry, .. } => *retry,
            Self::Deadline { .. } | Self::NothingScheduled { .. } | Self::Malformed { .. } => {
                Retry::Transient
            }
            Self::Probe { failure: ProbeFailure { code, .. }, .. } | Self::Failed { code, .. } => {
                code.retry()
            }
            Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::Source { .. }
            | Self::NoUnits { .. } => Retry::Final,
        }
    }
}
