//! Installs the pinned helm where the conductor finds it.

use std::fmt;

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, Subject, ensure,
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{FileChange, HelmObserved, RestoreFiles, Sent, file_change::Content, magnum, obstacle};
use crate::{Access, Download, Error, FileState, ServiceName, Unit, UnitPath, error::answered};

/// Ensures that the daemon finds the pinned helm.
///
/// The driver runs `helm` without a path, so the daemon's PATH decides; the init script sets it to
/// `/sbin:/usr/sbin:/bin:/usr/bin`. A link to a program with the pinned digest is accepted.
/// Otherwise a regular file (root, 0755) is written to `/usr/bin/helm`; a link there is replaced,
/// never its target.
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
/// Refuses if the daemon's PATH lacks `/usr/bin`, or has another helm before it; and if the helm with the
/// pinned digest says to be another version than the pinned one.
pub async fn ensure_helm(
    unit: &Unit,
    desired: &EnsureHelm,
) -> Result<Outcome<HelmObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The helm that a daemon finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnsureHelm {
    /// The daemon that runs it.
    pub daemon: ServiceName,
    /// The path to which it is written.
    pub path: UnitPath,
    /// The version. What helm itself prints is compared with it.
    pub version: String,
    /// The digest of the program.
    pub sha256: Sha256,
    /// The source.
    pub from: HelmSource,
}

/// The source of helm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelmSource {
    /// A local file.
    Payload {
        /// Its name, for display.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
    /// A download by the unit.
    Url(Download),
}

impl EnsureHelm {
    /// Returns the desired state in which the conductor finds the helm with this digest.
    pub fn new(version: &str, sha256: Sha256, from: HelmSource) -> Self {
        let (daemon, path) = (magnum::conductor(), magnum::helm());
        Self { daemon, path, version: version.to_owned(), sha256, from }
    }
}

impl EnsureHelm {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &HelmObserved) -> Result<Delta<FileChange>, Conflict> {
        let Self { daemon, path, version, sha256, from } = self;
        if seen.is_elsewhere(path, sha256) {
            return Ok(Delta::Satisfied);
        }
        seen.reachable(path, daemon)?;
        let access = Access::root(FileMode::PROGRAM);
        let shows = [format!("helm {version}"), from.to_string()];
        let change = FileChange::write(path, &access, *sha256, from.content(), &seen.file)?;
        Ok(Delta::of(change.into_iter().map(|change| change.showing(shows.clone())).collect()))
    }
}

impl Desired for EnsureHelm {
    const KIND: &'static str = "juju.helm.v1";
    type Target = Unit;
    type Observed = HelmObserved;
    type Change = FileChange;
    type Undo = RestoreFiles;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("program", "helm")
    }

    fn key(&self) -> String {
        self.path.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<HelmObserved, Error> {
        let runbook = magnum::helm_of_the_runbook();
        let (file, program, runbook, version) = futures::try_join!(
            unit.file(&self.path),
            unit.program("helm", &self.daemon),
            unit.file(&runbook),
            async { answered(unit.helm_version(&self.daemon).await) }
        )?;
        let version = version.ok().flatten();
        let seen = HelmObserved { file, program, runbook, version, obstacle: None };
        let obstacle = obstacle::of_files(unit, &self.wanted(&seen)).await?;
        Ok(HelmObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &HelmObserved) -> Result<Delta<FileChange>, Conflict> {
        let delta = self.wanted(seen)?;
        seen.refuse_version(&self.version, &self.sha256)?;
        obstacle::refuse(delta, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &HelmObserved) -> Option<RestoreFiles> {
        RestoreFiles::new([(&self.path, &before.file)])
    }

    fn evidence(&self, seen: &HelmObserved) -> Vec<Evidence> {
        let HelmObserved { program, version, .. } = seen;
        let Some(found) = &program.found else { return vec![Evidence::text("helm", "none")] };
        let helm = Evidence::text("helm", found.path.as_str());
        let digest = Evidence::text("sha256", found.sha256.to_string());
        let says = version.as_ref().map(|text| Evidence::text("version", text));
        [helm, digest].into_iter().chain(says).collect()
    }

    fn notes(&self, seen: &HelmObserved, _: Timestamp) -> Vec<Note> {
        let runbook = magnum::helm_of_the_runbook();
        let on_path = seen.program.path.iter().any(|entry| *entry == runbook.parent().as_str());
        if seen.runbook == FileState::Absent || on_path {
            return Vec::new();
        }
        vec![Note::new(format!(
            "the helm at {runbook}, where the runbook installs it, is not found: the PATH of {} is \
             {}, and a create would fail with \"No such file or directory: 'helm'\"",
            self.daemon,
            seen.program.path.join(":")
        ))]
    }
}

impl HelmSource {
    fn content(&self) -> Content {
        match self.clone() {
            Self::Payload { name, size } => Content::Sent(Sent::Source { name, size }),
            Self::Url(from) => Content::Download(from),
        }
    }
}

impl fmt::Display for HelmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload { name, size: _ } => write!(f, "from {name}"),
            Self::Url(Download { url, archive_sha256: _, member: None }) => {
                write!(f, "the unit downloads {url}")
            }
            Self::Url(Download { url, archive_sha256: _, member: Some(member) }) => {
                write!(f, "the unit downloads {url} and extracts {member}")
            }
        }
    }
}

#[cfg(test)]
#[path = "ensure_helm_tests.rs"]
mod tests;
