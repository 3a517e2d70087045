//! The parts of the local machine that the library may use. It reads no environment itself.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The machine and the user that a job runs as, as the embedding program knows them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Machine {
    /// The environment variables: `OS_*`, for a site that names no cloud.
    pub variables: BTreeMap<String, String>,
    /// The user's home: `~` in a site file, SSH keys, known hosts.
    pub home: PathBuf,
    /// The working directory, where clouds.yaml is looked for first.
    pub cwd: PathBuf,
    /// Where the user's configuration is (`~/.config`).
    pub config_home: PathBuf,
    /// Where tokens and what a verification starts with may be stored. `None`: nowhere.
    pub cache: Option<PathBuf>,
    /// The socket of an SSH agent.
    pub ssh_agent: Option<PathBuf>,
}

impl Machine {
    /// Returns a machine on which only `home` is known.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        Self { config_home: home.join(".config"), home, ..Self::default() }
    }

    /// Returns where tokens may be stored.
    pub(crate) fn tokens(&self) -> Option<PathBuf> {
        self.cache.as_ref().map(|cache| cache.join("tokens"))
    }

    /// Resolves `path` of a site file that is in `directory`.
    pub fn resolve(&self, directory: &Path, path: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home.join(rest),
            Err(_) => directory.join(path),
        }
    }
}
