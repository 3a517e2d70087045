//! Places the management cluster's kubeconfig where the conductor reads it.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    kubeconfig::{AuthKind, Kubeconfig},
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{Access, Bytes, FileChange, FileWrite, Image, file_change::refuse_link, magnum};
use crate::{Error, FileState, Unit, UnitPath};

/// Ensures that the kubeconfig has the desired bytes, owner and mode.
///
/// The bytes travel once, at the moment of the write, from the unit handle's
/// [`Sources`](crate::Sources); plan and journal know their digest only.
///
/// ```no_run
/// # use omega_core::{kubeconfig::Kubeconfig, values::Secret};
/// # use omega_juju::{Sources, Unit, operations::{PlaceKubeconfig, magnum, place_kubeconfig}};
/// # async fn f(channel: std::sync::Arc<dyn omega_juju::Channel>, bytes: Vec<u8>, now: jiff::Timestamp)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let kubeconfig = Kubeconfig::parse(Secret::new(bytes), now)?;
/// let mut sources = Sources::default();
/// sources.add(kubeconfig.bytes.clone());
/// let unit = Unit::new("magnum/0", channel, sources);
/// let desired = PlaceKubeconfig::new(magnum::kubeconfig(), &kubeconfig, "capi.kubeconfig", now);
/// println!("changed: {}", place_kubeconfig(&unit, &desired).await?.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses where Magnum's directory is missing, or where the path is a link or a directory.
pub async fn place_kubeconfig(
    unit: &Unit,
    desired: &PlaceKubeconfig,
) -> Result<Outcome<KubeconfigObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// A kubeconfig on a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceKubeconfig {
    /// Where. The drop-in's `kubeconfig_file` names it.
    pub path: UnitPath,
    /// What should be there.
    pub wanted: KubeconfigWanted,
}

/// What should be at the kubeconfig's path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KubeconfigWanted {
    /// These bytes.
    Source {
        /// Owner and mode: 0600 for the user that the conductor runs as.
        access: Access,
        /// The source's name, for the person.
        name: String,
        /// The digest of the bytes.
        sha256: Sha256,
        /// How many they are.
        size: usize,
        /// The API server it points at.
        server: String,
        /// How it authenticates.
        auth: String,
        /// Whether its certificate ends within 30 days of when this was made.
        ends_soon: bool,
    },
    /// What was there before.
    Before(Image),
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigObserved {
    /// What is at the path.
    pub file: FileState,
    /// The directory it is in.
    pub parent: FileState,
}

impl PlaceKubeconfig {
    /// Returns the fact that `kubeconfig`, which came from `name`, is at `path`: 0600
    /// magnum:magnum. `now` decides whether its end is near.
    pub fn new(path: UnitPath, kubeconfig: &Kubeconfig, name: &str, now: Timestamp) -> Self {
        let facts = &kubeconfig.facts;
        let wanted = KubeconfigWanted::Source {
            access: Access::new("magnum", "magnum", FileMode::PRIVATE),
            name: name.to_owned(),
            sha256: facts.sha256,
            size: facts.size,
            server: facts.server.as_str().trim_end_matches('/').to_owned(),
            auth: match &facts.auth {
                auth @ AuthKind::ClientCertificate { .. } => auth.to_string(),
                AuthKind::Token => "authenticates by a token".to_owned(),
            },
            ends_soon: facts.ends_soon(now).is_some(),
        };
        Self { path, wanted }
    }
}

impl Desired for PlaceKubeconfig {
    const KIND: &'static str = "juju.kubeconfig.v1";
    type Target = Unit;
    type Observed = KubeconfigObserved;
    type Change = FileChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("file", self.path.to_string())
    }

    fn key(&self) -> String {
        self.path.to_string()
    }

    async fn observe(&self, unit: &Unit) -> Result<KubeconfigObserved, Error> {
        let parent = self.path.parent();
        let (file, parent) = futures::try_join!(unit.file(&self.path), unit.file(&parent))?;
        Ok(KubeconfigObserved { file, parent })
    }

    fn diff(&self, seen: &KubeconfigObserved) -> Result<Delta<FileChange>, Conflict> {
        let change = match &self.wanted {
            KubeconfigWanted::Source { access, name, sha256, size, server, auth, .. } => {
                self.place_for_magnum(seen)?;
                let bytes = Bytes::Source { name: name.clone(), size: *size };
                let shows = [format!("server {server}"), auth.clone(), format!("from {name}")];
                FileWrite::after(&self.path, access, *sha256, bytes, &seen.file)?
                    .map(|change| change.showing(shows))
            }
            KubeconfigWanted::Before(image) => FileChange::back(&self.path, image, &seen.file)?,
        };
        Ok(Delta::of(change.into_iter().collect()))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &KubeconfigObserved) -> Option<Self> {
        let wanted = KubeconfigWanted::Before(Image::of(&before.file)?);
        Some(Self { path: self.path.clone(), wanted })
    }

    fn notes(&self, seen: &KubeconfigObserved, _: Timestamp) -> Vec<Note> {
        let KubeconfigWanted::Source { auth, ends_soon, access, .. } = &self.wanted else {
            return Vec::new();
        };
        let mut notes = Vec::new();
        if *ends_soon {
            notes.push(Note::new(format!("{auth}, within 30 days: get a new one soon")));
        }
        if self.path == magnum::kubeconfig()
            && matches!(&seen.file, FileState::Regular(facts) if facts.owner == "root")
        {
            notes.push(Note::new(format!(
                "the superseded runbook leaves {} to root and says that the daemon could not read \
                 0600; as {access} it can",
                self.path
            )));
        }
        notes
    }
}

impl PlaceKubeconfig {
    fn place_for_magnum(&self, seen: &KubeconfigObserved) -> Result<(), Conflict> {
        refuse_link(&self.path, &seen.file)?;
        if matches!(seen.parent, FileState::Directory { .. }) {
            return Ok(());
        }
        let next = "check the unit's name: Magnum's packages make that directory";
        Err(Conflict::new(format!("there is no directory {}", self.path.parent()), next))
    }
}

#[cfg(test)]
#[path = "place_kubeconfig_tests.rs"]
mod tests;
