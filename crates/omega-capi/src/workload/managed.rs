use std::{fmt, sync::Arc};

use jiff::Timestamp;
use omega_core::Label;
use tokio::sync::OnceCell;

use super::{ClusterName, Workload, WorkloadError, list_clusters};
use crate::{Error, Management, served::discover_versions};

/// A workload cluster that the management cluster knows. It is connected to when it is first asked.
/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct ManagedWorkload {
    management: Management,
    cluster: ClusterName,
    connected: Arc<OnceCell<Workload>>,
}

impl ManagedWorkload {
    /// Returns the cluster, which is reached with the kubeconfig that Cluster API keeps.
    pub fn new(management: Management, cluster: ClusterName) -> Self {
        Self { management, cluster, connected: Arc::default() }
    }

    /// Reaches it by `workload` instead.
    #[must_use]
    pub fn over(self, workload: Workload) -> Self {
        Self { connected: Arc::new(OnceCell::new_with(Some(workload))), ..self }
    }

    /// Returns which one it is.
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// Returns whether its API answers at all, whatever it answers.
    pub async fn answers(&self) -> bool {
        match self.api().await {
            Ok(api) => api.once().answer("/version").await.is_ok(),
            Err(_) => false,
        }
    }

    /// Returns whether the management cluster does not know it any more.
    pub(crate) async fn is_gone(&self) -> Result<bool, Error> {
        let served = discover_versions(&self.management).await?;
        Ok(!list_clusters(&self.management, &served).await?.contains(&self.cluster))
    }

    pub(crate) async fn api(&self) -> Result<&Management, WorkloadError> {
        let connect = || Workload::connect(&self.management, &self.cluster, Timestamp::now());
        self.connected.get_or_try_init(connect).await.map(|workload| &workload.api)
    }
}

impl Label for ManagedWorkload {
    fn label(&self) -> String {
        format!("cluster {} of {}", self.cluster, self.management.label())
    }
}

impl fmt::Debug for ManagedWorkload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManagedWorkload").field(&self.label()).finish()
    }
}
