//! That a cluster's kubeconfig is no longer there: how a fetch is undone.

use std::path::PathBuf;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, Subject, values::Sha256,
};
use serde::{Deserialize, Serialize};

use super::{ClusterAccess, ClusterFile, FetchError, kubeconfig_file::look};

/// That there is no kubeconfig of the cluster at `path`. A file that is not the cluster's is refused.
///
/// # Caveats
///
/// Whoever copied the file is still the cluster's administrator: Kubernetes can't revoke a client
/// certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedClusterKubeconfig {
    /// The file.
    pub path: PathBuf,
    /// The digest of the cluster's certificate authority, in DER.
    pub ca: Sha256,
}

/// The removal of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigRemoval {
    path: PathBuf,
}

impl Desired for RemovedClusterKubeconfig {
    const KIND: &'static str = "machine.no-cluster-kubeconfig.v1";
    type Target = ClusterAccess;
    type Observed = ClusterFile;
    type Change = KubeconfigRemoval;
    type Undo = Self;
    type Error = FetchError;

    fn subject(&self) -> Subject {
        Subject::new("kubeconfig", self.path.display().to_string())
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, access: &ClusterAccess) -> Result<ClusterFile, FetchError> {
        look(&*access.local, &self.path, Some(self.ca)).map(|(file, _)| file)
    }

    fn diff(&self, file: &ClusterFile) -> Result<Delta<KubeconfigRemoval>, Conflict> {
        match file {
            ClusterFile::Absent => Ok(Delta::Satisfied),
            ClusterFile::Own(_) => {
                Ok(Delta::Changes(vec![KubeconfigRemoval { path: self.path.clone() }]))
            }
            ClusterFile::Foreign(why) => {
                let what = format!("it is not the cluster's: {why}");
                Err(Conflict::new(what, "remove it yourself, if nobody needs it"))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        access: &ClusterAccess,
        change: &KubeconfigRemoval,
    ) -> Result<(), FetchError> {
        let removed = access.local.remove(&change.path);
        removed.map_err(|source| FetchError::Write { path: change.path.clone(), source })
    }
}

impl Describe for KubeconfigRemoval {
    fn describe(&self) -> Diff {
        let subject = Subject::new("kubeconfig", self.path.display().to_string());
        let effect = "a copy of it stays valid: Kubernetes revokes no client certificate";
        Diff::new(ChangeKind::Delete, subject, effect)
    }
}
