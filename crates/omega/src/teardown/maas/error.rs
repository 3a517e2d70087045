use std::time::Duration;

use omega_core::{Diagnostic, Retry, Touched, WriteRefused};

/// MAAS could not be asked, or refused.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum MaasError {
    /// The program could not be started, or broke.
    #[error("maas could not {doing}: {why}")]
    NotRun { doing: String, why: String, touched: Touched },
    /// It did not end in time, and was killed with its process group.
    #[error("maas did not {doing} within {after:.0?}")]
    Deadline { doing: String, after: Duration, touched: Touched },
    /// MAAS, or the program, answered with an error.
    #[error("maas could not {doing}: {why}")]
    Refused {
        doing: String,
        /// Its own words.
        why: String,
        touched: Touched,
    },
    /// There is no answer of MAAS: the connection broke, or a proxy answered.
    #[error("maas could not {doing}: there is no answer of MAAS: {why}")]
    NoAnswer { doing: String, why: String, touched: Touched },
    /// The answer is not the expected JSON.
    #[error("unexpected answer of maas: {why}")]
    Malformed {
        /// What is wrong, without content.
        why: String,
        touched: Touched,
    },
    /// Only reads are allowed. Nothing was sent.
    #[error(transparent)]
    ReadOnly(WriteRefused),
}

impl MaasError {
    /// Returns whether MAAS says that there is no such machine.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { why, .. } if not_found(why))
    }
}

/// What Django's `get_node_or_404` makes of an unknown system id: the body is `Not Found`, and in older
/// releases `No Machine matches the given query.` (django, `shortcuts.py`).
fn not_found(why: &str) -> bool {
    why == "Not Found" || why.starts_with("No Machine matches the given query")
}

impl Diagnostic for MaasError {
    fn next(&self) -> Option<String> {
        Some(match self {
            Self::ReadOnly(refused) => return refused.next(),
            Self::NotRun { .. } => {
                "install the command line of MAAS on this machine (snap install maas)".to_owned()
            }
            Self::Deadline { .. } | Self::Malformed { .. } | Self::NoAnswer { .. } => {
                "look whether MAAS answers: maas PROFILE machines read".to_owned()
            }
            Self::Refused { .. } => {
                "look at the machine in MAAS, and at the profile: maas list; maas login PROFILE URL"
                    .to_owned()
            }
        })
    }

    fn touched(&self) -> Touched {
        match self {
            Self::NotRun { touched, .. }
            | Self::Deadline { touched, .. }
            | Self::Refused { touched, .. }
            | Self::NoAnswer { touched, .. }
            | Self::Malformed { touched, .. } => *touched,
            Self::ReadOnly(_) => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }

    fn refused(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Deadline { .. } | Self::NoAnswer { .. } | Self::Malformed { .. } => {
                Retry::Transient
            }
            Self::NotRun { .. } | Self::Refused { .. } | Self::ReadOnly(_) => Retry::Final,
        }
    }
}
