use omega_core::{Retry, Touched, run::HeldLock};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Why a probe failed on the unit: a message for the operator, and a code for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeFailure {
    /// The message.
    pub why: String,
    /// The kind of failure.
    #[serde(default)]
    pub code: FailureCode,
}

impl ProbeFailure {
    /// Returns a failure.
    pub fn new(code: FailureCode, why: impl Into<String>) -> Self {
        Self { why: why.into(), code }
    }
}

/// Why an action failed on the unit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ActionFailure {
    /// The message.
    pub why: String,
    /// The kind of failure.
    #[serde(default)]
    pub code: FailureCode,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// Whether something may have changed.
    pub touched: Touched,
    /// The lock of another run, if that is why.
    #[serde(default)]
    pub held: Option<Box<HeldLock>>,
}

impl ActionFailure {
    /// Returns a failure without an effect.
    pub(crate) fn new(code: FailureCode, why: impl Into<String>) -> Self {
        let (expected, found, next) = (None, None, None);
        let touched = Touched::Nothing;
        Self { why: why.into(), code, expected, found, next, touched, held: None }
    }

    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    pub(crate) fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(crate) fn on(self, unit: &str) -> Error {
        Error::Failed { unit: unit.to_owned(), failure: self }
    }
}

/// The kind of a failure on the unit. Newer agents may have further codes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureCode {
    /// A probe, a program or a download did not end in time.
    TimedOut,
    /// Another omega process is changing the machine.
    Busy,
    /// Another run holds the lock of the machine.
    Held,
    /// This run no longer holds the lock of the machine: it expired, or was broken. Nothing was done.
    Fenced,
    /// The stored lock of the machine can't be read.
    LockDamaged,
    /// The request or its payload is incomplete. Nothing was done.
    Incomplete,
    /// The operating system forbids it.
    NotPermitted,
    /// No space is left on the device, or the quota is exceeded.
    NoSpace,
    /// A file or directory does not exist.
    NotFound,
    /// Something else is at the path: not a regular file, or a directory that is not empty.
    Occupied,
    /// Something has changed since the plan was made.
    Changed,
    /// The content does not have the planned digest.
    DigestDiffers,
    /// What was found after a write is not what was written.
    NotWritten,
    /// A before-image or a wheel is not stored on the unit, or can't be stored.
    NotKept,
    /// The unit has no such user or group.
    NoSuchUser,
    /// The unit does not have the daemon.
    NoDaemon,
    /// The service does not exist, or is masked.
    NotLoaded,
    /// The service did not start, or ended soon after.
    WouldNotStart,
    /// systemd reported an error.
    Systemd,
    /// The daemon's init script failed.
    InitScript,
    /// oslo.config rejects the daemon's configuration.
    Configuration,
    /// The daemon's interpreter lacks a module that the driver needs.
    NoModule,
    /// A program is not on the daemon's PATH, or not executable.
    NoProgram,
    /// The kubeconfig is not YAML, or lacks something.
    KubeconfigInvalid,
    /// The host name has no address.
    Dns,
    /// There is no TCP connection.
    Tcp,
    /// There is no TLS session.
    Tls,
    /// The server's certificate has expired.
    TlsExpired,
    /// The server's certificate is not valid yet: one of the clocks is wrong.
    TlsNotYetValid,
    /// The server's certificate is not signed by the expected CA.
    TlsUntrusted,
    /// The server's certificate is for another host name or address.
    TlsWrongHost,
    /// There is a TLS session, but no valid HTTP response.
    Http,
    /// The proxy refused the request or failed.
    Proxy,
    /// The server rejects the credential (401), which has expired.
    CredentialExpired,
    /// The server rejects the credential (401).
    CredentialRefused,
    /// The status of the response is not 200.
    Status,
    /// The unit could not download a file.
    Download,
    /// A download is not the expected archive.
    Archive,
    /// pip failed.
    Pip,
    /// A program (helm) failed with its own message.
    ProgramFailed,
    /// The option may hold a secret and is not read.
    Secret,
    /// The agent does not know the probe or the action.
    UnknownRequest,
    /// Any other failure.
    Unexpected,
    /// A code that this version does not know; empty if there was none.
    #[serde(untagged)]
    Other(String),
}

impl FailureCode {
    /// Returns whether TCP works and TLS does not.
    pub fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::Tls
                | Self::TlsExpired
                | Self::TlsNotYetValid
                | Self::TlsUntrusted
                | Self::TlsWrongHost
        )
    }

    /// Returns whether a retry may succeed.
    pub fn retry(&self) -> Retry {
        if matches!(self, Self::TimedOut | Self::Busy | Self::Incomplete) {
            Retry::Transient
        } else {
            Retry::Final
        }
    }
}

impl Default for FailureCode {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_are_preserved() {
        for (text, code) in [
            (r#""timed-out""#, FailureCode::TimedOut),
            (r#""credential-expired""#, FailureCode::CredentialExpired),
            (r#""tomorrow""#, FailureCode::Other("tomorrow".into())),
        ] {
            let read: FailureCode = serde_json::from_str(text).unwrap();
            assert_eq!(read, code);
            assert_eq!(serde_json::to_string(&code).unwrap(), text);
        }
        let old: ProbeFailure = serde_json::from_str(r#"{"why": "no"}"#).unwrap();
        assert_eq!(old.code, FailureCode::Other(String::new()));
    }
}
