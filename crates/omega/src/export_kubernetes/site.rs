//! A site that is exported.

use std::path::{Path, PathBuf};

use omega_core::{Failure, FailureClass, read_regular, values::Sha256};

use super::SiteName;
use crate::{clients::Connect, site::Site};

/// The largest site file that is exported: a `ConfigMap` has at most 1 MiB.
const MOST: u64 = 900 << 10;

/// A site that is exported. Of the files that it names only the paths are known: none is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportSite {
    /// Its name in the names of its objects.
    pub name: SiteName,
    /// The site file, as the operator named it.
    pub file: PathBuf,
    /// Whether its management cluster is another one than that which runs the jobs.
    pub is_elsewhere: bool,
    pub(super) site: Site,
    pub(super) text: String,
    pub(super) paths: Paths,
}

/// Where this machine has what the site needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    pub(super) kubeconfig: PathBuf,
    pub(super) openrc: Option<PathBuf>,
    /// `clouds` and `secure`, of those that are there.
    pub(super) clouds: Vec<(&'static str, PathBuf)>,
    pub(super) identities: Vec<PathBuf>,
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) vault_ca: Option<PathBuf>,
}

impl ExportSite {
    /// Reads the site file at `path`, that of `connect`, which the operator named so. Nothing else is read or
    /// contacted.
    ///
    /// # Errors
    ///
    /// Fails if the file changed since it was read, if it lacks what a look needs, or if its name can't be one
    /// in Kubernetes.
    pub fn read(connect: &Connect<'_>, path: &Path) -> Result<Self, Failure> {
        let site = connect.site.clone();
        site.is_complete_for_graft()?;
        let unread = |why: String| {
            let what = format!("could not export {}", path.display());
            Failure::new(FailureClass::Error, what).because(why)
        };
        let bytes = read_regular(path, MOST).map_err(|error| unread(error.to_string()))?;
        if site.sha256.is_some_and(|read| read != Sha256::of(&bytes)) {
            return Err(
                unread("it was changed while it was read".to_owned()).next("export it again")
            );
        }
        let text = String::from_utf8(bytes).map_err(|_| unread("it is not text".to_owned()))?;
        Ok(Self {
            name: SiteName::of(path)?,
            file: path.to_owned(),
            is_elsewhere: false,
            text,
            paths: paths(connect)?,
            site,
        })
    }

    /// Returns the same site, whose management cluster is not the one that runs the jobs.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        Self { is_elsewhere: true, ..self }
    }

    /// Whether its units are reached by SSH.
    pub(super) fn has_ssh(&self) -> bool {
        self.site.conductor().is_ok_and(|conductor| !conductor.unit.is_empty())
    }
}

/// Returns the paths, absolute: the command that uses them may be run anywhere.
fn paths(connect: &Connect<'_>) -> Result<Paths, Failure> {
    let site = connect.site;
    let path = |path: &Path| connect.machine.cwd.join(connect.path(path));
    let all = |named: &[PathBuf], known: &[&str]| -> Vec<PathBuf> {
        if !named.is_empty() {
            return named.iter().map(|one| path(one)).collect();
        }
        let known = known.iter().map(|one| path(Path::new(one)));
        known.filter(|one| one.is_file()).collect()
    };
    Ok(Paths {
        kubeconfig: path(site.kubeconfig()?),
        openrc: site.cloud().openrc.as_deref().map(path),
        clouds: connect.cloud_files(),
        identities: all(
            &site.ssh.identity,
            &["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"],
        ),
        known_hosts: all(
            &site.ssh.known_hosts,
            &["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
        ),
        vault_ca: site.acceptance().vault_ca.as_deref().map(path),
    })
}
