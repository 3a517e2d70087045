//! Which helm a daemon finds, and what comes before it.

use omega_core::{Conflict, values::Sha256};
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{FileState, ProgramState, Resolved, ServiceName, UnitPath};

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HelmObserved {
    /// What is at the path.
    pub file: FileState,
    /// What the daemon finds.
    pub program: ProgramState,
    /// What is where the runbook puts it.
    pub runbook: FileState,
}

impl HelmObserved {
    /// Returns whether the daemon finds helm with this digest, by a link or elsewhere than at
    /// `path`.
    pub(super) fn is_elsewhere(&self, path: &UnitPath, sha256: &Sha256) -> bool {
        let found = self.program.found.as_ref().filter(|found| found.sha256 == *sha256);
        let linked = matches!(&self.file, FileState::Link { .. });
        found.is_some_and(|found| linked || !self.is_at(path, found))
    }

    /// Returns whether what the daemon finds is what is at the path, however it is spelled
    /// (`/bin/helm` where `/bin` is a link to `/usr/bin`).
    fn is_at(&self, path: &UnitPath, found: &Resolved) -> bool {
        let led_to = matches!(&self.file, FileState::Link { resolved: Some(facts), .. }
            if facts.sha256 == found.sha256);
        found.path == *path || found.real == *path || led_to
    }

    /// Refuses where `daemon` would not find what is put at `path`.
    pub(super) fn reachable(&self, path: &UnitPath, daemon: &ServiceName) -> Result<(), Conflict> {
        let directory = path.parent();
        let Some(ours) = self.place(path) else {
            let why = format!("{directory} is not on the PATH of {daemon}");
            let next = format!("look at what sets PATH: {}", magnum::default_file(daemon));
            let found = self.program.path.join(":");
            return Err(Conflict::new(why, next).seen(directory.to_string(), found));
        };
        match &self.program.found {
            Some(found) if !self.is_at(path, found) && self.place(&found.path) < Some(ours) => {
                let why = format!("{daemon} finds another helm before {path}");
                let next = format!("move {} away, if nothing else needs it", found.path);
                Err(Conflict::new(why, next).seen(path.to_string(), found.path.to_string()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the place of the path's directory on the daemon's PATH.
    fn place(&self, path: &UnitPath) -> Option<usize> {
        let directory = path.parent();
        let same = |entry: &String| entry.trim_end_matches('/') == directory.as_str();
        self.program.path.iter().position(same)
    }
}
