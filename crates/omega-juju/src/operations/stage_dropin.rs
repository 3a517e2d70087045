//! Stages the `[capi_helm]` drop-in.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    values::{AsciiText, FileMode, Sha256},
};
use omega_driver::{ApiResources, CapiHelm, CapiHelmError, DriverRelease};
use serde::{Deserialize, Serialize};

use super::{
    FileChange, RestoreFiles, Sent,
    file_change::{Content, line_diff, refuse_link},
    magnum,
};
use crate::{Access, Error, FileState, Unit, UnitPath};

/// Ensures that the drop-in has the desired content, and that its directory exists.
///
/// No package creates `/etc/magnum/magnum.conf.d`, and a daemon whose `--config-dir` is missing does
/// not start.
///
/// ```no_run
/// # use omega_driver::{ApiResources, CapiHelm};
/// # use omega_juju::{Unit, operations::{StageDropin, magnum, stage_dropin}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let options = CapiHelm {
///     kubeconfig_file: magnum::kubeconfig().to_string(),
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
/// Refuses if the path is a link, or a file is in the place of the directory.
pub async fn stage_dropin(
    unit: &Unit,
    desired: &StageDropin,
) -> Result<Outcome<DropinObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The `[capi_helm]` drop-in of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageDropin {
    /// The path.
    pub path: UnitPath,
    /// The text. It belongs to root, is readable by all, and holds no secret.
    pub text: AsciiText,
    /// Notes for the operator.
    pub notes: Vec<Note>,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DropinObserved {
    /// What is at the path.
    pub file: FileState,
    /// Its text.
    pub text: Option<String>,
    /// The directory it is in.
    pub directory: FileState,
}

impl StageDropin {
    /// Returns the desired state in which the drop-in sets `options` for `driver`.
    ///
    /// # Errors
    ///
    /// As [`CapiHelm::render`].
    pub fn new(options: &CapiHelm, driver: &DriverRelease) -> Result<Self, CapiHelmError> {
        let notes = options.api_resources.iter().flat_map(ApiResources::notes).collect();
        Ok(Self { path: magnum::dropin(), text: options.render(driver)?, notes })
    }

    /// Returns the digest of the text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.text.as_str().as_bytes())
    }
}

impl Desired for StageDropin {
    const KIND: &'static str = "juju.dropin.v1";
    type Target = Unit;
    type Observed = DropinObserved;
    type Change = FileChange;
    type Undo = RestoreFiles;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path.to_string())
    }

    fn key(&self) -> String {
        self.path.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<DropinObserved, Error> {
        let directory = self.path.parent();
        let ((file, text), directory) =
            futures::try_join!(unit.text(&self.path), unit.file(&directory))?;
        Ok(DropinObserved { file, text, directory })
    }

    fn diff(&self, seen: &DropinObserved) -> Result<Delta<FileChange>, Conflict> {
        refuse_link(&self.path, &seen.file)?;
        let made = FileChange::make_directory(&self.path.parent(), &seen.directory)?;
        let (text, access) = (self.text.as_str().to_owned(), Access::root(FileMode::PUBLIC));
        let shows = line_diff(seen.text.as_deref().unwrap_or_default(), &text);
        let content = Content::Sent(Sent::Text(text));
        let written = FileChange::write(&self.path, &access, self.sha256(), content, &seen.file)?;
        Ok(Delta::of(made.into_iter().chain(written.map(|change| change.showing(shows))).collect()))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &DropinObserved) -> Option<RestoreFiles> {
        let files = RestoreFiles::new([(&self.path, &before.file)])?;
        Some(files.without_directory(&self.path.parent(), &before.directory))
    }

    fn notes(&self, _: &DropinObserved, _: Timestamp) -> Vec<Note> {
        self.notes.clone()
    }
}

#[cfg(test)]
#[path = "stage_dropin_tests.rs"]
mod tests;
