//! Stages the `[capi_helm]` drop-in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, Subject, ensure,
    values::{AsciiText, FileMode, Sha256},
};
use omega_driver::{ApiResources, CapiHelm, CapiHelmError, DriverRelease, options::SECTION};
use serde::{Deserialize, Serialize};

use super::{
    FileChange, RestoreFiles, Sent,
    daemon_reasons::sets,
    evidence,
    file_change::{Content, line_diff, refuse_link},
    magnum, obstacle,
};
use crate::{
    Access, Error, FileState, Obstacle, OptionSource, OptionsState, Unit, UnitPath, error::answered,
};

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
    /// The files that are read after it and set another value, with the option.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<(String, OptionSource)>,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
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

    /// The options that the text sets.
    fn options(&self) -> BTreeMap<String, String> {
        let lines =
            self.text.as_str().lines().filter(|line| !line.starts_with(['#', '[', ' ', '\t']));
        let pairs = lines.filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
    }

    /// The sources that oslo.config reads after this file: those behind it in the daemon's order, or, where
    /// it does not exist yet, the files of its directory whose names are behind its own.
    fn overridden(&self, state: &OptionsState) -> Vec<(String, OptionSource)> {
        let (own, home) = (self.path.as_str(), format!("{}/", self.path.parent()));
        let at = state.files.iter().position(|file| file == own);
        let is_after = |source: &OptionSource| {
            let nth = state.files.iter().position(|file| *file == source.file);
            match (nth, at) {
                (Some(nth), Some(at)) => nth > at,
                (Some(_), None) => source.file.starts_with(&home) && source.file.as_str() > own,
                (None, _) => true, // the environment
            }
        };
        let mut found = Vec::new();
        for (key, value) in self.options() {
            let last = state.set.get(&key).and_then(|set| set.last());
            if let Some(last) = last.filter(|last| is_after(last) && last.value != value) {
                found.push((key, last.clone()));
            }
        }
        found
    }

    /// Returns the digest of the text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.text.as_str().as_bytes())
    }
}

impl StageDropin {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &DropinObserved) -> Result<Delta<FileChange>, Conflict> {
        refuse_link(&self.path, &seen.file)?;
        let made = FileChange::make_directory(&self.path.parent(), &seen.directory)?;
        let (text, access) = (self.text.as_str().to_owned(), Access::root(FileMode::PUBLIC));
        let shows = line_diff(seen.text.as_deref().unwrap_or_default(), &text);
        let content = Content::Sent(Sent::Text(text));
        let written = FileChange::write(&self.path, &access, self.sha256(), content, &seen.file)?;
        Ok(Delta::of(made.into_iter().chain(written.map(|change| change.showing(shows))).collect()))
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
        let (conductor, keys) = (magnum::conductor(), self.options().into_keys().collect());
        let ((file, text), directory, options) =
            futures::try_join!(unit.text(&self.path), unit.file(&directory), async {
                answered(unit.configuration(&conductor, SECTION, keys).await)
            })?;
        // Without it, the check of the running daemon says so.
        let overridden = options.map(|state| self.overridden(&state)).unwrap_or_default();
        let seen = DropinObserved { file, text, directory, overridden, obstacle: None };
        let obstacle = obstacle::of_files(unit, &self.wanted(&seen)).await?;
        Ok(DropinObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &DropinObserved) -> Result<Delta<FileChange>, Conflict> {
        obstacle::refuse(self.wanted(seen)?, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &DropinObserved) -> Option<RestoreFiles> {
        let files = RestoreFiles::new([(&self.path, &before.file)])?;
        Some(files.without_directory(&self.path.parent(), &before.directory))
    }

    fn evidence(&self, seen: &DropinObserved) -> Vec<Evidence> {
        let over = seen.overridden.iter().map(|(key, by)| sets(key, by));
        let over: Vec<String> = over.collect();
        let over = (!over.is_empty()).then(|| Evidence::list("overridden:", over));
        evidence::of_file(&seen.file).into_iter().chain(over).collect()
    }

    fn notes(&self, seen: &DropinObserved, _: Timestamp) -> Vec<Note> {
        let overridden = seen.overridden.iter().map(|(key, by)| {
            let dropin = &self.path;
            Note::new(format!(
                "{}, and is read after {dropin}: the daemons read that value. Remove the option there",
                sets(key, by)
            ))
        });
        self.notes.iter().cloned().chain(overridden).collect()
    }
}

#[cfg(test)]
#[path = "stage_dropin_tests.rs"]
mod tests;
