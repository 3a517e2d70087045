use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched};

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
    /// `juju exec` exited 0 and said nothing: no task was scheduled.
    #[error("juju scheduled nothing on {unit}")]
    NothingScheduled {
        /// The unit's label.
        unit: String,
    },
    /// What came back is not an answer.
    #[error("{unit} answered something else than was asked: {why}")]
    Malformed {
        /// The unit's label.
        unit: String,
        /// What was wrong, without content that may be secret.
        why: String,
        /// Whether it was an action.
        touched: Touched,
    },
    /// One probe failed.
    #[error("{unit} could not tell {question}: {why}")]
    Probe {
        /// The unit's label.
        unit: String,
        /// What was asked.
        question: String,
        /// Why it failed.
        why: String,
    },
    /// An action failed on the unit, in its own words.
    #[error("{unit}: {why}")]
    Failed {
        /// The unit's label.
        unit: String,
        /// Why.
        why: String,
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
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most errors know nothing of it")]
impl Diagnostic for Error {
    fn expected(&self) -> Option<String> {
        match self {
            Self::HostKey { expected, .. } => Some(expected.clone()),
            Self::UnknownHost { files, .. } => Some(format!("a line for it in {files}")),
            Self::Failed { expected, .. } => expected.clone(),
            _ => None,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::HostKey { found, .. } | Self::UnknownHost { found, .. } => Some(found.clone()),
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
            | Self::Source { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } | Self::NothingScheduled { .. } => {
                Retry::Transient
            }
            Self::HostKey { .. }
            | Self::UnknownHost { .. }
            | Self::Denied { .. }
            | Self::Malformed { .. }
            | Self::Probe { .. }
            | Self::Failed { .. }
            | Self::Source { .. } => Retry::Final,
        }
    }
}
