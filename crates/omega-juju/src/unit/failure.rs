use omega_core::Retry;
use serde::{Deserialize, Serialize};

/// Why the unit's agent could not answer a question or perform an action: words for a person, and a
/// code for a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeFailure {
    /// Why, in the agent's words.
    pub why: String,
    /// What kind of failure it is.
    #[serde(default)]
    pub code: FailureCode,
}

impl ProbeFailure {
    /// Returns a failure.
    pub fn new(code: FailureCode, why: impl Into<String>) -> Self {
        Self { why: why.into(), code }
    }
}

/// What kind of failure the agent reports. Newer agents may know more of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureCode {
    /// A question, a program or a download did not end in time: nothing is known.
    TimedOut,
    /// Another omega acts on the machine.
    Busy,
    /// The request or its payload did not arrive whole. Nothing was done.
    Incomplete,
    /// The operating system forbids it.
    NotPermitted,
    /// No room is left on the device, or within the quota.
    NoSpace,
    /// A file or directory is not there.
    NotFound,
    /// Something else is in the place: a directory where a file belongs, a directory that is not
    /// empty.
    Occupied,
    /// What is there is not what was seen when the change was planned.
    Changed,
    /// Bytes do not have the digest that was planned.
    DigestDiffers,
    /// What was written is not what is there afterwards.
    NotWritten,
    /// A before-image or a wheel is not kept on the unit, or can't be kept.
    NotKept,
    /// The unit has no such user or group.
    NoSuchUser,
    /// The unit does not have the daemon.
    NoDaemon,
    /// The service is not loaded: not there, or masked.
    NotLoaded,
    /// The service was started, and does not stay up.
    WouldNotStart,
    /// systemd itself refused.
    Systemd,
    /// The daemon's init script does not run.
    InitScript,
    /// oslo.config refuses the daemon's configuration.
    Configuration,
    /// The daemon's interpreter lacks a module that the driver needs.
    NoModule,
    /// A program is not on the daemon's PATH, or is none.
    NoProgram,
    /// The kubeconfig can't be used: it is no YAML, or lacks something.
    KubeconfigInvalid,
    /// No TCP connection.
    Tcp,
    /// No TLS session.
    Tls,
    /// TLS stands, and HTTP is not answered, or not as it should be.
    Http,
    /// The proxy in between refuses or fails.
    Proxy,
    /// The server does not accept the credential: its time is over.
    CredentialExpired,
    /// The server does not accept the credential (401).
    CredentialRefused,
    /// The server answered with another status than 200.
    Status,
    /// The unit could not download something.
    Download,
    /// A download is not the archive that it should be.
    Archive,
    /// pip refused or failed.
    Pip,
    /// A program said no, in its own words (helm).
    ProgramFailed,
    /// The option may hold a secret, and is not asked for.
    Secret,
    /// The agent does not know the question or the action.
    UnknownRequest,
    /// Something that nobody foresaw.
    Unexpected,
    /// A code that this version does not know; empty if none was given.
    #[serde(untagged)]
    Other(String),
}

impl FailureCode {
    /// Returns whether the same question may be answered a moment later.
    pub fn retry(&self) -> Retry {
        match self {
            Self::TimedOut | Self::Busy | Self::Incomplete => Retry::Transient,
            Self::NotPermitted
            | Self::NoSpace
            | Self::NotFound
            | Self::Occupied
            | Self::Changed
            | Self::DigestDiffers
            | Self::NotWritten
            | Self::NotKept
            | Self::NoSuchUser
            | Self::NoDaemon
            | Self::NotLoaded
            | Self::WouldNotStart
            | Self::Systemd
            | Self::InitScript
            | Self::Configuration
            | Self::NoModule
            | Self::NoProgram
            | Self::KubeconfigInvalid
            | Self::Tcp
            | Self::Tls
            | Self::Http
            | Self::Proxy
            | Self::CredentialExpired
            | Self::CredentialRefused
            | Self::Status
            | Self::Download
            | Self::Archive
            | Self::Pip
            | Self::ProgramFailed
            | Self::Secret
            | Self::UnknownRequest
            | Self::Unexpected
            | Self::Other(_) => Retry::Final,
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
    fn codes_are_read_and_kept_also_those_of_tomorrow() {
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
