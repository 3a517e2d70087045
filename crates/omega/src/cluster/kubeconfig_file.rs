//! The file that a cluster's kubeconfig is in.

use std::{io::ErrorKind, path::Path};

use jiff::Timestamp;
use omega_capi::access::{LocalFile, LocalMachine};
use omega_core::{kubeconfig::Kubeconfig, values::Sha256};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{FetchError, kubeconfig_source::ca_digest};

/// What is at the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterFile {
    /// Nothing.
    Absent,
    /// Something that is no kubeconfig of the cluster, and why.
    Foreign(String),
    /// A kubeconfig of the cluster: it has the cluster's certificate authority.
    Own(OwnFile),
}

/// What a kubeconfig of the cluster says, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OwnFile {
    /// Its API server.
    pub server: Url,
    /// When its client certificate expires; none for a token.
    pub expires: Option<Timestamp>,
    /// Whether only its owner can read it.
    pub private: bool,
}

/// Reads the file, and says what it is to the cluster whose authority has the digest `ca`. The
/// kubeconfig is returned if it is the cluster's.
pub(super) fn look(
    local: &dyn LocalMachine,
    path: &Path,
    ca: Option<Sha256>,
) -> Result<(ClusterFile, Option<Kubeconfig>), FetchError> {
    let Some(LocalFile { bytes, private }) = read(local, path)? else {
        return Ok((ClusterFile::Absent, None));
    };
    let kubeconfig = match Kubeconfig::read(bytes) {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => return Ok((ClusterFile::Foreign(error.to_string()), None)),
    };
    let facts = &kubeconfig.facts;
    let own = facts.ca_pem.as_deref().and_then(ca_digest);
    if own.is_none() || own != ca {
        let server = facts.server.as_str().trim_end_matches('/');
        let why = format!("it is for {server}, which has another certificate authority");
        return Ok((ClusterFile::Foreign(why), None));
    }
    let file = OwnFile { server: facts.server.clone(), expires: facts.expires(), private };
    Ok((ClusterFile::Own(file), Some(kubeconfig)))
}

/// Reads the file; none if there is none.
pub(super) fn read(local: &dyn LocalMachine, path: &Path) -> Result<Option<LocalFile>, FetchError> {
    match local.read(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FetchError::Read { path: path.to_owned(), source }),
    }
}
