//! Places the management cluster's kubeconfig where the conductor reads it.

use jiff::{Timestamp, ToSpan as _};
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, Subject, ensure,
    kubeconfig::{AuthKind, Kubeconfig},
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{
    FileChange, RestoreFiles, Sent,
    file_change::{Content, refuse_link},
    magnum,
};
use crate::{Access, Error, FileState, Unit, UnitPath};

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
/// let desired = PlaceKubeconfig::new(magnum::kubeconfig(), &kubeconfig, "capi.kubeconfig");
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
#[non_exhaustive]
pub struct PlaceKubeconfig {
    /// Where. The drop-in's `kubeconfig_file` names it.
    pub path: UnitPath,
    /// Owner and mode: 0600 for the user that the conductor runs as.
    pub access: Access,
    /// The source's name, for the person.
    pub name: String,
    /// The digest of the bytes.
    pub sha256: Sha256,
    /// How many they are.
    pub size: usize,
    /// The API server it points at.
    pub server: String,
    /// How it authenticates, for the person.
    pub auth: String,
    /// When its client certificate ends, if it has one.
    pub ends: Option<Timestamp>,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KubeconfigObserved {
    /// What is at the path.
    pub file: FileState,
    /// The directory it is in.
    pub parent: FileState,
}

impl PlaceKubeconfig {
    /// Returns the fact that `kubeconfig`, which came from `name`, is at `path`: 0600
    /// magnum:magnum.
    pub fn new(path: UnitPath, kubeconfig: &Kubeconfig, name: &str) -> Self {
        let facts = &kubeconfig.facts;
        let (auth, ends) = match &facts.auth {
            auth @ AuthKind::ClientCertificate { not_after, .. } => {
                (auth.to_string(), Some(*not_after))
            }
            AuthKind::Token => ("authenticates by a token".to_owned(), None),
        };
        Self {
            path,
            access: Access::new("magnum", "magnum", FileMode::PRIVATE),
            name: name.to_owned(),
            sha256: facts.sha256,
            size: facts.size,
            server: facts.server.as_str().trim_end_matches('/').to_owned(),
            auth,
            ends,
        }
    }

    fn place_for_magnum(&self, seen: &KubeconfigObserved) -> Result<(), Conflict> {
        refuse_link(&self.path, &seen.file)?;
        if matches!(seen.parent, FileState::Directory { .. }) {
            return Ok(());
        }
        let next = "check the unit's name: Magnum's packages make that directory";
        Err(Conflict::new(format!("there is no directory {}", self.path.parent()), next))
    }
}

impl Desired for PlaceKubeconfig {
    const KIND: &'static str = "juju.kubeconfig.v1";
    type Target = Unit;
    type Observed = KubeconfigObserved;
    type Change = FileChange;
    type Undo = RestoreFiles;
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
        let Self { path, access, name, sha256, size, server, auth, ends: _ } = self;
        self.place_for_magnum(seen)?;
        let content = Content::Sent(Sent::Source { name: name.clone(), size: *size });
        let shows = [format!("server {server}"), auth.clone(), format!("from {name}")];
        let change = FileChange::write(path, access, *sha256, content, &seen.file)?;
        Ok(Delta::of(change.into_iter().map(|change| change.showing(shows.clone())).collect()))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &KubeconfigObserved) -> Option<RestoreFiles> {
        RestoreFiles::new([(&self.path, &before.file)])
    }

    fn notes(&self, seen: &KubeconfigObserved, now: Timestamp) -> Vec<Note> {
        let soon = now.checked_add((30 * 24).hours()).is_ok_and(|soon| Some(soon) >= self.ends);
        let ends = (self.ends.is_some() && soon)
            .then(|| Note::new(format!("{}, within 30 days: get a new one soon", self.auth)));
        let of_root = self.path == magnum::kubeconfig()
            && matches!(&seen.file, FileState::Regular(facts) if facts.owner == "root");
        let of_root = of_root.then(|| {
            Note::new(format!(
                "the superseded runbook leaves {} to root and says that the daemon could not read \
                 0600; as {} it can",
                self.path, self.access
            ))
        });
        ends.into_iter().chain(of_root).collect()
    }
}

#[cfg(test)]
#[path = "place_kubeconfig_tests.rs"]
mod tests;
