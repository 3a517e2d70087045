//! Writes the management cluster's kubeconfig to the path from which the conductor reads it.

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, Subject, ensure,
    kubeconfig::{AuthKind, Kubeconfig, expires_soon},
    values::{FileMode, Sha256},
};
use serde::{Deserialize, Serialize};

use super::{
    FileChange, RestoreFiles, Sent, evidence,
    file_change::{Content, refuse_link},
    magnum, obstacle,
};
use crate::{Access, Error, FileState, Obstacle, ServiceState, Unit, UnitPath, error::answered};

/// Ensures that the kubeconfig has the desired content, owner and mode.
///
/// The content is sent once, when it is written, from the unit handle's [`Sources`](crate::Sources).
/// Plan and journal contain only its digest.
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
/// Refuses if Magnum's directory is missing, or the path is a link or a directory.
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
    /// The path, which is the drop-in's `kubeconfig_file`.
    pub path: UnitPath,
    /// Owner and mode: 0600 for magnum, or for whichever user systemd starts the conductor as.
    pub access: Access,
    /// The source's name, for display.
    pub name: String,
    /// The digest of the content.
    pub sha256: Sha256,
    /// The size in bytes.
    pub size: usize,
    /// The API server.
    pub server: String,
    /// How it authenticates, for display.
    pub auth: String,
    /// When its client certificate or token expires, if that is known.
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
    /// The user and the group that systemd starts the conductor as. Journals of earlier versions lack
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<(String, String)>,
    /// What would stop the changes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

impl PlaceKubeconfig {
    /// Returns the desired state in which `kubeconfig`, from the source `name`, is at `path` with 0600
    /// for the conductor's user: magnum:magnum, unless systemd says otherwise.
    pub fn new(path: UnitPath, kubeconfig: &Kubeconfig, name: &str) -> Self {
        let facts = &kubeconfig.facts;
        let ends = facts.expires();
        let auth = match (&facts.auth, ends) {
            (auth @ AuthKind::ClientCertificate { .. }, _) => auth.to_string(),
            (AuthKind::Token, Some(end)) => format!("token expires {}", end.strftime("%Y-%m-%d")),
            (AuthKind::Token, None) => "authenticates with a token".to_owned(),
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

    /// Returns owner and mode: the owner is the user of the conductor, as systemd has it.
    fn access(&self, seen: &KubeconfigObserved) -> Access {
        match &seen.daemon {
            Some((user, group)) => Access::new(user, group, self.access.mode),
            None => self.access.clone(),
        }
    }

    fn refuse_other_path(&self, seen: &KubeconfigObserved) -> Result<(), Conflict> {
        refuse_link(&self.path, &seen.file)?;
        if matches!(seen.parent, FileState::Directory { .. }) {
            return Ok(());
        }
        let next = "check the unit's name: the Magnum packages create this directory";
        Err(Conflict::new(format!("{} is missing", self.path.parent()), next))
    }
}

impl PlaceKubeconfig {
    /// The changes, whatever would stop them.
    fn wanted(&self, seen: &KubeconfigObserved) -> Result<Delta<FileChange>, Conflict> {
        let Self { path, access: _, name, sha256, size, server, auth, ends: _ } = self;
        self.refuse_other_path(seen)?;
        let access = &self.access(seen);
        let content = Content::Sent(Sent::Source { name: name.clone(), size: *size });
        let shows = [format!("server {server}"), auth.clone(), format!("from {name}")];
        let change = FileChange::write(path, access, *sha256, content, &seen.file)?;
        Ok(Delta::of(change.into_iter().map(|change| change.showing(shows.clone())).collect()))
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
        let conductor = magnum::conductor();
        let (file, parent, service) =
            futures::try_join!(unit.file(&self.path), unit.file(&parent), async {
                answered(unit.service(&conductor).await)
            })?;
        let daemon = service.ok().and_then(owner);
        let seen = KubeconfigObserved { file, parent, daemon, obstacle: None };
        let obstacle = obstacle::of_files(unit, &self.wanted(&seen)).await?;
        Ok(KubeconfigObserved { obstacle, ..seen })
    }

    fn diff(&self, seen: &KubeconfigObserved) -> Result<Delta<FileChange>, Conflict> {
        obstacle::refuse(self.wanted(seen)?, seen.obstacle.as_ref())
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &FileChange) -> Result<(), Error> {
        change.perform(unit).await
    }

    fn undo(&self, before: &KubeconfigObserved) -> Option<RestoreFiles> {
        RestoreFiles::new([(&self.path, &before.file)])
    }

    /// The digest tells that the file is the source's, so its credential ends when the source's does.
    fn evidence(&self, seen: &KubeconfigObserved) -> Vec<Evidence> {
        let is_placed =
            matches!(&seen.file, FileState::Regular(facts) if facts.sha256 == self.sha256);
        let ends = self.ends.filter(|_| is_placed).map(|end| Evidence::time("expires", end));
        evidence::of_file(&seen.file).into_iter().chain(ends).collect()
    }

    fn notes(&self, seen: &KubeconfigObserved, now: Timestamp) -> Vec<Note> {
        let ends = expires_soon(self.ends, now)
            .then(|| Note::new(format!("{}, within 30 days: renew it soon", self.auth)));
        let of_root = self.path == magnum::kubeconfig()
            && matches!(&seen.file, FileState::Regular(facts) if facts.owner == "root");
        let of_root = of_root.then(|| {
            Note::new(format!(
                "the superseded runbook makes root the owner of {} and claims that the daemon could \
                 not read 0600; with {} it can",
                self.path,
                self.access(seen)
            ))
        });
        ends.into_iter().chain(of_root).collect()
    }
}

/// The user and the group of a service, if it exists.
fn owner(service: ServiceState) -> Option<(String, String)> {
    let exists = service.load != "not-found" && !service.group.is_empty();
    exists.then_some((service.user, service.group))
}

#[cfg(test)]
#[path = "place_kubeconfig_tests.rs"]
mod tests;
