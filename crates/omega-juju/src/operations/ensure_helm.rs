//! Puts the pinned helm where the conductor finds it.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{Access, Bytes, FileChange, FileWrite, Image, magnum};
use crate::{Error, FileState, ProgramState, Resolved, ServiceName, Unit, UnitPath};

/// Ensures that the daemon finds the pinned helm.
///
/// The driver runs a bare `helm`, so the daemon's own PATH decides; the init script sets it to
/// `/sbin:/usr/sbin:/bin:/usr/bin`. A link that leads to the pinned bytes will do. Otherwise a
/// regular file, root's and 0755, is put at `/usr/bin/helm`; a link there is replaced, never what
/// it leads to.
///
/// ```no_run
/// # use omega_juju::{Sources, Unit, operations::{EnsureHelm, HelmSource, ensure_helm}};
/// # async fn f(unit: &Unit, sources: &mut Sources, helm: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
/// let sha256 = sources.add(omega_core::values::Secret::new(helm));
/// let from = HelmSource::Payload { name: "helm-v3.17.3".into(), size: 50_000_000 };
/// let desired = EnsureHelm::new("3.17.3", sha256, from);
/// println!("changed: {}", ensure_helm(unit, &desired).await?.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses where another helm comes first on the daemon's PATH, or where that does not lead to
/// `/usr/bin`.
pub async fn ensure_helm(
    unit: &Unit,
    desired: &EnsureHelm,
) -> Result<Outcome<HelmObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The helm that a daemon finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnsureHelm {
    /// The daemon that runs it.
    pub daemon: ServiceName,
    /// Where it is put.
    pub path: UnitPath,
    /// What should be found.
    pub wanted: HelmWanted,
}

/// Which helm a daemon should find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelmWanted {
    /// These bytes.
    Program {
        /// The version, for the person.
        version: String,
        /// The digest of the program itself.
        sha256: Sha256,
        /// Where it comes from.
        from: HelmSource,
    },
    /// What was at the path before.
    Before(Image),
}

/// Where helm comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelmSource {
    /// From this side.
    Payload {
        /// The file's name, for the person.
        name: String,
        /// Bytes.
        size: usize,
    },
    /// The unit downloads it.
    Url {
        /// Where from.
        url: String,
        /// The digest of the archive, where it is one.
        archive_sha256: Option<Sha256>,
        /// The path in the archive (`linux-amd64/helm`).
        member: Option<String>,
    },
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmObserved {
    /// What is at the path.
    pub file: FileState,
    /// What the daemon finds.
    pub program: ProgramState,
    /// What is where the runbook puts it.
    pub runbook: FileState,
}

impl EnsureHelm {
    /// Returns the fact that the conductor finds the helm with this digest.
    pub fn new(version: &str, sha256: Sha256, from: HelmSource) -> Self {
        let wanted = HelmWanted::Program { version: version.to_owned(), sha256, from };
        Self { daemon: magnum::conductor(), path: magnum::helm(), wanted }
    }

    /// Returns whether what the daemon finds is what is at the path, however it is spelled
    /// (`/bin/helm` where `/bin` is a link to `/usr/bin`).
    fn is_ours(&self, found: &Resolved, file: &FileState) -> bool {
        let led_to = matches!(file, FileState::Link { resolved: Some(facts), .. }
            if facts.sha256 == found.sha256);
        found.path == self.path || found.real == self.path || led_to
    }

    fn reachable(&self, seen: &HelmObserved) -> Result<(), Conflict> {
        let directory = self.path.parent();
        let path = seen.program.path.join(":");
        if !seen.program.path.iter().any(|entry| entry.trim_end_matches('/') == directory.as_str())
        {
            let why = format!("{directory} is not on the PATH of {}", self.daemon);
            let next = format!("look at what sets PATH: {}", magnum::default_file(&self.daemon));
            return Err(Conflict::new(why, next).seen(directory.to_string(), path));
        }
        match &seen.program.found {
            Some(found) if !self.is_ours(found, &seen.file) && self.is_before(found, seen) => {
                let why = format!("{} finds another helm before {}", self.daemon, self.path);
                let next = format!("move {} away, if nothing else needs it", found.path);
                Err(Conflict::new(why, next).seen(self.path.to_string(), found.path.to_string()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn is_before(&self, found: &Resolved, seen: &HelmObserved) -> bool {
        let place = |path: &UnitPath| {
            let directory = path.parent();
            let same = |entry: &String| entry.trim_end_matches('/') == directory.as_str();
            seen.program.path.iter().position(same)
        };
        place(&found.path) < place(&self.path)
    }
}

impl Desired for EnsureHelm {
    const KIND: &'static str = "juju.helm.v1";
    type Target = Unit;
    type Observed = HelmObserved;
    type Change = FileChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("program", "helm")
    }

    fn key(&self) -> String {
        self.path.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<HelmObserved, Error> {
        let runbook = magnum::helm_of_the_runbook();
        let (file, program, runbook) = futures::try_join!(
            unit.file(&self.path),
            unit.program("helm", &self.daemon),
            unit.file(&runbook)
        )?;
        Ok(HelmObserved { file, program, runbook })
    }

    fn diff(&self, seen: &HelmObserved) -> Result<Delta<FileChange>, Conflict> {
        let (version, sha256, from) = match &self.wanted {
            HelmWanted::Program { version, sha256, from } => (version, sha256, from),
            HelmWanted::Before(image) => {
                let change = FileChange::back(&self.path, image, &seen.file)?;
                return Ok(Delta::of(change.into_iter().collect()));
            }
        };
        let access = Access::root(FileMode::PROGRAM);
        let found = seen.program.found.as_ref().filter(|found| found.sha256 == *sha256);
        let elsewhere = matches!(&seen.file, FileState::Link { .. })
            || found.is_some_and(|found| !self.is_ours(found, &seen.file));
        if found.is_some() && elsewhere {
            return Ok(Delta::Satisfied);
        }
        self.reachable(seen)?;
        let bytes = from.bytes();
        let change = FileWrite::after(&self.path, &access, *sha256, bytes, &seen.file)?;
        let shows = [format!("helm {version}"), from.to_string()];
        Ok(Delta::of(change.into_iter().map(|change| change.showing(shows.clone())).collect()))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &HelmObserved) -> Option<Self> {
        let wanted = HelmWanted::Before(Image::of(&before.file)?);
        Some(Self { wanted, ..self.clone() })
    }

    fn notes(&self, seen: &HelmObserved, _: Timestamp) -> Vec<Note> {
        let HelmWanted::Program { .. } = self.wanted else { return Vec::new() };
        let runbook = magnum::helm_of_the_runbook();
        let there = !matches!(seen.runbook, FileState::Absent);
        let on_path = seen.program.path.iter().any(|entry| *entry == runbook.parent().as_str());
        if !there || on_path {
            return Vec::new();
        }
        vec![Note::new(format!(
            "the helm at {runbook}, where the runbook puts it, is no help: the PATH of {} is {}, \
             and a create would end in \"No such file or directory: 'helm'\"",
            self.daemon,
            seen.program.path.join(":")
        ))]
    }
}

impl HelmSource {
    fn bytes(&self) -> Bytes {
        match self.clone() {
            Self::Payload { name, size } => Bytes::Source { name, size },
            Self::Url { url, archive_sha256, member } => Bytes::Url { url, archive_sha256, member },
        }
    }
}

impl std::fmt::Display for HelmSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload { name, size: _ } => write!(f, "from {name}"),
            Self::Url { url, archive_sha256: _, member: None } => {
                write!(f, "the unit downloads {url}")
            }
            Self::Url { url, archive_sha256: _, member: Some(member) } => {
                write!(f, "the unit downloads {url} and takes {member}")
            }
        }
    }
}

#[cfg(test)]
#[path = "ensure_helm_tests.rs"]
mod tests;
