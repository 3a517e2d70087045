//! The helm that a daemon finds.

use omega_core::{Conflict, values::Sha256};
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{FileState, ProgramState, Resolved, ServiceName, UnitPath};

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HelmObserved {
    /// What is at the desired path.
    pub file: FileState,
    /// What the daemon finds.
    pub program: ProgramState,
    /// What is at the path that the runbook uses.
    pub runbook: FileState,
}

impl HelmObserved {
    /// Returns whether the daemon finds helm with this digest through a link, or not at `path`.
    pub(super) fn is_elsewhere(&self, path: &UnitPath, sha256: &Sha256) -> bool {
        let found = self.program.found.as_ref().filter(|found| found.sha256 == *sha256);
        let linked = matches!(&self.file, FileState::Link { .. });
        found.is_some_and(|found| linked || !self.is_at(path, found))
    }

    /// Returns whether `found` is the program at `path`, possibly under another name (`/bin/helm` if
    /// `/bin` is a link to `/usr/bin`).
    fn is_at(&self, path: &UnitPath, found: &Resolved) -> bool {
        let is_target = matches!(&self.file, FileState::Link { resolved: Some(facts), .. }
            if facts.sha256 == found.sha256);
        found.path == *path || found.real == *path || is_target
    }

    /// Refuses if `daemon` would not find a program at `path`.
    pub(super) fn reachable(&self, path: &UnitPath, daemon: &ServiceName) -> Result<(), Conflict> {
        let directory = path.parent();
        let Some(ours) = self.place(path) else {
            let why = format!("{directory} is not on the PATH of {daemon}");
            let next = format!("look for PATH in {}", magnum::default_file(daemon));
            let found = self.program.path.join(":");
            return Err(Conflict::new(why, next).seen(directory.to_string(), found));
        };
        match &self.program.found {
            Some(found) if !self.is_at(path, found) && self.place(&found.path) < Some(ours) => {
                let why = format!("{daemon} finds another helm before {path}");
                let next = format!("if nothing else needs {}, move it away", found.path);
                Err(Conflict::new(why, next).seen(path.to_string(), found.path.to_string()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the position of the path's directory in the daemon's PATH.
    fn place(&self, path: &UnitPath) -> Option<usize> {
        let directory = path.parent();
        let same = |entry: &String| entry.trim_end_matches('/') == directory.as_str();
        self.program.path.iter().position(same)
    }
}
