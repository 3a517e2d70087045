use omega_core::values::Sha256;
use serde::{Deserialize, Serialize};

use crate::{Access, Expect, FileState};

/// What was at a path. It has no content: a file that is replaced is stored on the unit by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Its digest.
        sha256: Sha256,
        /// Its access.
        access: Access,
    },
    /// A symbolic link.
    Link {
        /// Its target.
        target: String,
    },
}

impl Image {
    /// Returns the image of `state`; `None` for a directory or a device.
    pub fn of(state: &FileState) -> Option<Self> {
        match state {
            FileState::Absent => Some(Self::Absent),
            FileState::Regular(facts) => {
                Some(Self::File { sha256: facts.sha256, access: Access::of(facts) })
            }
            FileState::Link { target, .. } => Some(Self::Link { target: target.clone() }),
            FileState::Directory { .. } | FileState::Special => None,
        }
    }

    pub(super) fn expect(&self) -> Expect {
        match self {
            Self::Absent => Expect::Absent,
            Self::File { sha256, access: _ } => Expect::Sha256(*sha256),
            Self::Link { .. } => Expect::Link,
        }
    }
}
