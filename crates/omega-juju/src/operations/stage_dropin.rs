//! Stages the `[capi_helm]` drop-in.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    values::{AsciiText, FileMode, Sha256},
};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::{
    Access, Bytes, CapiHelm, CapiHelmError, FileChange, FileWrite, Image, file_change::refuse_link,
    magnum,
};
use crate::{Error, FileState, Probe, Reply, Unit, UnitPath};

/// Ensures that the drop-in says what it should, in a directory that exists.
///
/// No package makes `/etc/magnum/magnum.conf.d`, and a daemon that is pointed at a directory that
/// is missing does not start; so the directory comes first.
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{ApiResources, CapiHelm, StageDropin, magnum, stage_dropin}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let options = CapiHelm {
///     kubeconfig_file: magnum::kubeconfig(),
///     helm_chart_repo: "https://charts.example.org/capi".into(),
///     helm_chart_name: "openstack-cluster".into(),
///     default_helm_chart_version: "0.25.1".into(),
///     api_resources: Some(ApiResources::parse("{}")?),
///     options: Default::default(),
///     cluster_labels: Default::default(),
/// };
/// let desired = StageDropin::new(&options, &"1.4.0".parse()?)?;
/// println!("changed: {}", stage_dropin(unit, &desired).await?.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses where the path is a link, or where a file stands in the directory's place.
pub async fn stage_dropin(
    unit: &Unit,
    desired: &StageDropin,
) -> Result<Outcome<DropinObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The `[capi_helm]` drop-in of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDropin {
    /// Where.
    pub path: UnitPath,
    /// What should be there.
    pub wanted: DropinWanted,
}

/// What should be at the drop-in's path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropinWanted {
    /// This text, root's and readable by all.
    Text {
        /// The text. It holds no secret: it names the kubeconfig, whose mode is 0600.
        text: AsciiText,
        /// What a person should know about it.
        notes: Vec<Note>,
    },
    /// What was there before.
    Before {
        /// The file.
        image: Image,
        /// Whether there was no directory: it goes, if nothing else is in it.
        no_directory: bool,
    },
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropinObserved {
    /// What is at the path.
    pub file: FileState,
    /// Its text.
    pub text: Option<String>,
    /// The directory it is in.
    pub directory: FileState,
    /// The names in it.
    pub names: Vec<String>,
}

impl StageDropin {
    /// Returns the fact that the drop-in says `options`, as `driver` will read them.
    ///
    /// # Errors
    ///
    /// As [`CapiHelm::render`].
    pub fn new(options: &CapiHelm, driver: &Version) -> Result<Self, CapiHelmError> {
        let notes = options.api_resources.iter().flat_map(super::ApiResources::notes).collect();
        let wanted = DropinWanted::Text { text: options.render(driver)?, notes };
        Ok(Self { path: magnum::dropin(), wanted })
    }

    /// Returns the digest of the wanted text, if it is a text that is wanted.
    pub fn sha256(&self) -> Option<Sha256> {
        match &self.wanted {
            DropinWanted::Text { text, notes: _ } => Some(Sha256::of(text.as_str().as_bytes())),
            DropinWanted::Before { .. } => None,
        }
    }

    fn write(&self, text: &AsciiText, seen: &DropinObserved) -> Result<Vec<FileChange>, Conflict> {
        refuse_link(&self.path, &seen.file)?;
        let made = make_directory(&self.path.parent(), &seen.directory)?;
        let (text, access) = (text.as_str().to_owned(), Access::root(FileMode::PUBLIC));
        let shows = line_diff(seen.text.as_deref().unwrap_or_default(), &text);
        let sha256 = Sha256::of(text.as_bytes());
        let bytes = Bytes::Text { text };
        let written = FileWrite::after(&self.path, &access, sha256, bytes, &seen.file)?;
        Ok(made.into_iter().chain(written.map(|change| change.showing(shows))).collect())
    }

    fn back(
        &self,
        image: &Image,
        no_directory: bool,
        seen: &DropinObserved,
    ) -> Result<Vec<FileChange>, Conflict> {
        let mut changes: Vec<_> =
            FileChange::back(&self.path, image, &seen.file)?.into_iter().collect();
        let directory = self.path.parent();
        let there = matches!(seen.directory, FileState::Directory { .. });
        let others = seen.names.iter().any(|name| directory.join(name) != self.path);
        if no_directory && there && !others {
            changes.push(FileChange::RemoveDirectory { path: directory });
        }
        Ok(changes)
    }
}

impl Desired for StageDropin {
    const KIND: &'static str = "juju.dropin.v1";
    type Target = Unit;
    type Observed = DropinObserved;
    type Change = FileChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path.to_string())
    }

    fn key(&self) -> String {
        self.path.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<DropinObserved, Error> {
        let directory = self.path.parent();
        let ((file, text), state, names) = futures::try_join!(
            unit.text(&self.path),
            unit.file(&directory),
            unit.ask(Probe::Directory { path: directory.clone() })
        )?;
        let Reply::Directory { names } = names else { return Err(unit.unexpected(&names)) };
        Ok(DropinObserved { file, text, directory: state, names: names.unwrap_or_default() })
    }

    fn diff(&self, seen: &DropinObserved) -> Result<Delta<FileChange>, Conflict> {
        Ok(Delta::of(match &self.wanted {
            DropinWanted::Text { text, notes: _ } => self.write(text, seen)?,
            DropinWanted::Before { image, no_directory } => {
                self.back(image, *no_directory, seen)?
            }
        }))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &DropinObserved) -> Option<Self> {
        let image = Image::of(&before.file)?;
        let no_directory = before.directory == FileState::Absent;
        Some(Self { wanted: DropinWanted::Before { image, no_directory }, ..self.clone() })
    }

    fn notes(&self, _: &DropinObserved, _: Timestamp) -> Vec<Note> {
        match &self.wanted {
            DropinWanted::Text { text: _, notes } => notes.clone(),
            DropinWanted::Before { .. } => Vec::new(),
        }
    }
}

/// Returns the change that makes `path`, if it is not there. One that is there is left as it is.
pub(super) fn make_directory(
    path: &UnitPath,
    state: &FileState,
) -> Result<Option<FileChange>, Conflict> {
    match state {
        FileState::Directory { .. } => Ok(None),
        FileState::Absent => {
            let access = Access::root(FileMode::PROGRAM);
            Ok(Some(FileChange::MakeDirectory { path: path.clone(), access }))
        }
        FileState::Regular(_) | FileState::Link { .. } | FileState::Special => {
            let why = format!("{path} is there, and is no directory");
            Err(Conflict::new(why, format!("look at it (ls -ld {path}) and move it away")))
        }
    }
}

/// Returns the lines that go and come.
pub(super) fn line_diff(old: &str, new: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(old, new);
    let lines = diff
        .iter_all_changes()
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches(['\n', '\r'])));
    lines.collect()
}

#[cfg(test)]
#[path = "stage_dropin_tests.rs"]
mod tests;
