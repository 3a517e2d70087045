use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a daemon must be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// The driver changed after it started, or is about to.
    Driver,
    /// Something in the configuration directory did.
    DropIn,
    /// The file that its init script sources did.
    Defaults,
    /// Its systemd drop-ins did.
    Systemd,
    /// Its command line is not the wanted one.
    CommandLine,
    /// It was started with what is being taken back.
    TakenBack,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRunning => "it does not run",
            Self::Driver => "the driver is newer",
            Self::DropIn => "the configuration directory is newer",
            Self::Defaults => "/etc/default is newer",
            Self::Systemd => "its systemd drop-ins are newer",
            Self::CommandLine => "its command line is not the wanted one",
            Self::TakenBack => "it was started with what is being taken back",
        })
    }
}
