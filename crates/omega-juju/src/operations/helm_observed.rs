//! The helm that a daemon finds.

use omega_core::{Conflict, values::Sha256};
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{FileState, Obstacle, ProgramState, Resolved, ServiceName, UnitPath};

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
    /// What the helm that the daemon finds says of its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
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

    /// Refuses a helm with the pinned digest that says to be another version than the pinned one: one of
    /// the two pins is wrong. `None` and words without a version are no contradiction.
    pub(super) fn refuse_version(&self, pinned: &str, sha256: &Sha256) -> Result<(), Conflict> {
        let found = self.program.found.as_ref().filter(|found| found.sha256 == *sha256);
        let says = self.version.as_deref().and_then(helm_version);
        let (Some(found), Some(says)) = (found, says) else { return Ok(()) };
        if helm_version(pinned).is_none_or(|pinned| pinned == says) {
            return Ok(());
        }
        let why = format!("{} has the pinned digest, and is helm {says}", found.path);
        let next = "correct version or sha256 in [helm] of the site file: they are of two releases";
        Err(Conflict::new(why, next).seen(format!("helm {pinned}"), format!("helm {says}")))
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

/// Finds helm's version in what it prints, and in what a site pins: `3.17.3` in `v3.17.3+ge4da497`.
pub fn helm_version(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || c == '+' || c == ':');
    words.map(|word| word.trim_start_matches('v')).find(|word| {
        let mut parts = word.splitn(3, '.');
        let number = |part: Option<&str>| {
            part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        number(parts.next())
            && number(parts.next())
            && parts.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::helm_version;

    #[test]
    fn a_version_is_found_in_what_helm_prints() {
        for (text, found) in [
            ("v3.17.3+ge4da497", Some("3.17.3")),
            ("3.17.3", Some("3.17.3")),
            ("Client: v2.17.0+ga690bad", Some("2.17.0")),
            ("v3.18.0-rc.1+g1", Some("3.18.0-rc.1")),
            ("v3", None),
            ("", None),
            ("no version here: 3.x", None),
        ] {
            assert_eq!(helm_version(text), found, "{text}");
        }
    }
}
