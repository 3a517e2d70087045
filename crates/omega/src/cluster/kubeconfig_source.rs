//! Where a cluster's kubeconfig comes from.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use omega_capi::{
    Management,
    access::{LocalMachine, ThisMachine},
    served::discover_versions,
    workload::{ClusterName, choose_cluster, list_clusters, stored_kubeconfig},
};
use omega_core::{
    Label,
    kubeconfig::{Kubeconfig, NewCredential, NewKubeconfig},
    values::{Secret, Sha256},
};
use omega_openstack::container_infra::{Cluster, ContainerInfra, issue_admin_certificate};
use serde::{Deserialize, Serialize};
use url::Url;

use super::FetchError;

/// Where a kubeconfig comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KubeconfigSource {
    /// Magnum signs a certificate for a key that is made here.
    Magnum,
    /// The secret that Cluster API keeps on the management cluster.
    Management,
}

/// What fetches kubeconfigs: the sources that are connected, and this machine's files.
#[derive(Clone)]
pub struct ClusterAccess {
    /// Magnum, in the cluster's project.
    pub magnum: Option<Arc<ContainerInfra>>,
    /// The management cluster.
    pub management: Option<Management>,
    pub(super) local: Arc<dyn LocalMachine>,
    pub(super) now: Timestamp,
}

/// A cluster that has the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterFound {
    /// Its id in Magnum, or its namespace and name in Cluster API.
    pub id: String,
    /// Its status in Magnum.
    pub status: Option<String>,
    /// The server of its API; none while it has no address.
    pub server: Option<Url>,
    /// The digest of its certificate authority, in DER; none while there is none.
    pub ca: Option<Sha256>,
}

impl ClusterAccess {
    /// Returns what writes files of this machine, without a source. `now`: this machine's clock.
    pub fn new(now: Timestamp) -> Self {
        Self::on(now, Arc::new(ThisMachine))
    }

    /// Does the same on another machine.
    pub fn on(now: Timestamp, local: Arc<dyn LocalMachine>) -> Self {
        Self { magnum: None, management: None, local, now }
    }

    /// Adds Magnum.
    #[must_use]
    pub fn with_magnum(self, magnum: Arc<ContainerInfra>) -> Self {
        Self { magnum: Some(magnum), ..self }
    }

    /// Adds the management cluster.
    #[must_use]
    pub fn with_management(self, management: Management) -> Self {
        Self { management: Some(management), ..self }
    }

    fn magnum(&self) -> Result<&ContainerInfra, FetchError> {
        self.magnum.as_deref().ok_or(FetchError::NotConnected("Magnum"))
    }

    fn management(&self) -> Result<&Management, FetchError> {
        self.management.as_ref().ok_or(FetchError::NotConnected("the management cluster"))
    }

    /// Returns the clusters with the name, and the certificate authority of the only one, in PEM.
    pub(super) async fn find(
        &self,
        source: KubeconfigSource,
        name: &str,
    ) -> Result<(Vec<ClusterFound>, Option<String>), FetchError> {
        match source {
            KubeconfigSource::Magnum => {
                let found = self.magnum()?.find_clusters(name).await?;
                let ca = match found.as_slice() {
                    [one] if server(one).is_some() => {
                        Some(self.magnum()?.cluster_ca(&one.uuid).await?)
                    }
                    _ => None,
                };
                let digest = ca.as_deref().and_then(ca_digest);
                let found = found.iter().map(|one| ClusterFound {
                    id: one.uuid.clone(),
                    status: one.status.clone(),
                    server: server(one),
                    ca: digest,
                });
                Ok((found.collect(), ca))
            }
            KubeconfigSource::Management => {
                let (cluster, kubeconfig) = self.stored(name).await?;
                let facts = Kubeconfig::parse(kubeconfig, self.now)?.facts;
                let digest = facts.ca_pem.as_deref().and_then(ca_digest);
                let (id, server) = (cluster.to_string(), Some(facts.server));
                let found = ClusterFound { id, status: None, server, ca: digest };
                Ok((vec![found], facts.ca_pem))
            }
        }
    }

    /// Returns the kubeconfig that Cluster API keeps of the cluster.
    async fn stored(&self, name: &str) -> Result<(ClusterName, Secret), FetchError> {
        let management = self.management()?;
        let served = discover_versions(management).await?;
        let cluster = choose_cluster(list_clusters(management, &served).await?, name)?;
        let kubeconfig = stored_kubeconfig(management, &cluster).await?;
        Ok((cluster, kubeconfig))
    }

    /// Returns a kubeconfig of the cluster `name` whose id is `id`.
    pub(super) async fn fetch(
        &self,
        source: KubeconfigSource,
        name: &str,
        id: &str,
    ) -> Result<Secret, FetchError> {
        let moved = || FetchError::Moved(name.to_owned());
        match source {
            KubeconfigSource::Magnum => {
                let magnum = self.magnum()?;
                let all = magnum.find_clusters(id).await?;
                let cluster = all.into_iter().next().ok_or_else(moved)?;
                let server = server(&cluster).ok_or_else(moved)?;
                let ca = magnum.cluster_ca(id).await?;
                let issued = issue_admin_certificate(magnum, id).await?;
                let new = NewKubeconfig {
                    cluster: &cluster.name,
                    user: &format!("{}-admin", cluster.name),
                    server: &server,
                    ca_pem: Some(&ca),
                    credential: NewCredential::Certificate {
                        certificate_pem: &issued.certificate_pem,
                        key_pem: &issued.key_pem,
                    },
                };
                Ok(new.text()?)
            }
            KubeconfigSource::Management => {
                let (cluster, kubeconfig) = self.stored(name).await?;
                if cluster.to_string() == id { Ok(kubeconfig) } else { Err(moved()) }
            }
        }
    }
}

/// Returns the server of the cluster's API, if it has an address.
fn server(cluster: &Cluster) -> Option<Url> {
    let url: Url = cluster.api_address.as_deref()?.parse().ok()?;
    // Until there is one, the driver reports `https://:0`, which is no URL.
    (url.scheme() == "https" && url.host().is_some()).then_some(url)
}

/// Returns the digest of the first certificate in `pem`. Its spelling does not matter.
pub(super) fn ca_digest(pem: &str) -> Option<Sha256> {
    omega_core::kubeconfig::certificate_digest(pem.as_bytes())
}

impl Label for ClusterAccess {
    fn label(&self) -> String {
        "this machine".to_owned()
    }
}

impl fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAccess")
            .field("magnum", &self.magnum)
            .field("management", &self.management)
            .finish_non_exhaustive()
    }
}
