//! The handle on a workload cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use omega_core::{
    Diagnostic, Label, Retry, Touched,
    kubeconfig::{Kubeconfig, KubeconfigError},
    values::Secret,
};
use serde::Deserialize;

use super::ClusterName;
use crate::{Deadlines, Error, Management, list::JSON};

/// A workload cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workload {
    pub(super) api: Management,
}

/// A workload cluster can't be reached, for no fault of its API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The management cluster could not be asked for the kubeconfig.
    #[error("the kubeconfig of {cluster} could not be read")]
    Management {
        /// Whose.
        cluster: ClusterName,
        /// The cause.
        source: Error,
    },
    /// There is no such secret.
    #[error("there is no secret {cluster}-kubeconfig")]
    NoSecret {
        /// Whose.
        cluster: ClusterName,
    },
    /// The secret holds no kubeconfig.
    #[error("the secret {cluster}-kubeconfig can't be used: {why}")]
    Unreadable {
        /// Whose.
        cluster: ClusterName,
        /// What it holds instead, without quoting it.
        why: String,
    },
    /// The kubeconfig in it is no good.
    #[error("the secret {cluster}-kubeconfig can't be used")]
    Kubeconfig {
        /// Whose.
        cluster: ClusterName,
        /// Why.
        source: KubeconfigError,
    },
    /// No client can be made from it.
    #[error("the secret {cluster}-kubeconfig can't be used")]
    Client {
        /// Whose.
        cluster: ClusterName,
        /// Why.
        source: Error,
    },
}

impl Diagnostic for WorkloadError {
    fn retry(&self) -> Retry {
        match self {
            Self::Management { source, .. } | Self::Client { source, .. } => source.retry(),
            Self::NoSecret { .. } | Self::Unreadable { .. } | Self::Kubeconfig { .. } => {
                Retry::Final
            }
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Management { source, .. } | Self::Client { source, .. } => source.next(),
            Self::Kubeconfig { source, .. } => source.next(),
            Self::NoSecret { cluster } => {
                let ClusterName { namespace, name } = cluster;
                Some(format!(
                    "Cluster API writes it once the API has an address: kubectl -n {namespace} \
                     describe cluster {name}"
                ))
            }
            Self::Unreadable { cluster, .. } => {
                let ClusterName { namespace, name } = cluster;
                Some(format!(
                    "delete it, and Cluster API writes it anew: kubectl -n {namespace} delete \
                     secret {name}-kubeconfig"
                ))
            }
        }
    }

    fn found(&self) -> Option<String> {
        let (Self::Management { source, .. } | Self::Client { source, .. }) = self else {
            return None;
        };
        source.found()
    }

    fn expected(&self) -> Option<String> {
        let Self::Management { source, .. } = self else { return None };
        source.expected()
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Management { source, .. } if source.timed_out())
    }
}

/// Kubernetes' Secret. Its `Debug` would show it, so it has none.
#[derive(Deserialize)]
struct SecretObject {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    value: Option<String>,
}

impl Workload {
    /// Returns a handle with the kubeconfig that Cluster API keeps on the management cluster, in
    /// the secret `<cluster>-kubeconfig`. It is an administrator's; nothing here writes with it.
    ///
    /// # Guarantees
    ///
    /// One request, to the management cluster; nothing is sent to the workload cluster yet. The
    /// kubeconfig stays in memory.
    ///
    /// # Errors
    ///
    /// Fails if there is no such secret, or nothing usable at `now` in it.
    pub async fn connect(
        management: &Management,
        cluster: &ClusterName,
        now: Timestamp,
    ) -> Result<Self, WorkloadError> {
        Self::connect_within(management, cluster, now, Deadlines::default()).await
    }

    /// Does the same with other `deadlines`.
    ///
    /// # Errors
    ///
    /// As [`Workload::connect`].
    pub async fn connect_within(
        management: &Management,
        cluster: &ClusterName,
        now: Timestamp,
        deadlines: Deadlines,
    ) -> Result<Self, WorkloadError> {
        let bytes = stored_kubeconfig(management, cluster).await?;
        let named = || cluster.clone();
        let kubeconfig = Kubeconfig::parse(bytes, now)
            .map_err(|source| WorkloadError::Kubeconfig { cluster: named(), source })?;
        let api = Management::connect_within(&kubeconfig, deadlines).await;
        let api = api.map_err(|source| WorkloadError::Client { cluster: named(), source })?;
        Ok(Self { api })
    }

    /// Returns a handle on whatever `api` is a handle on.
    pub fn over(api: Management) -> Self {
        Self { api }
    }

    /// Returns how many requests were sent to the workload cluster.
    pub fn requests(&self) -> usize {
        self.api.requests()
    }
}

impl Label for Workload {
    fn label(&self) -> String {
        self.api.label()
    }
}

/// Returns the kubeconfig that Cluster API keeps of the cluster, in the secret `<cluster>-kubeconfig`.
/// It is an administrator's.
///
/// # Errors
///
/// Fails if there is no such secret, or nothing in it.
pub async fn stored_kubeconfig(
    management: &Management,
    cluster: &ClusterName,
) -> Result<Secret, WorkloadError> {
    let ClusterName { namespace, name } = cluster;
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}-kubeconfig");
    let cluster = || cluster.clone();
    let secret: SecretObject = management.read(&path, JSON).await.map_err(|source| {
        if matches!(source, Error::Status { code: 404, .. }) {
            return WorkloadError::NoSecret { cluster: cluster() };
        }
        WorkloadError::Management { cluster: cluster(), source }
    })?;
    let unreadable =
        |why: &str| WorkloadError::Unreadable { cluster: cluster(), why: why.to_owned() };
    let value = secret.data.and_then(|data| data.value);
    let value = value.ok_or_else(|| unreadable("it has no `value`"))?;
    let bytes = STANDARD.decode(value).map_err(|_| unreadable("its `value` is no base64"))?;
    if bytes.is_empty() {
        return Err(unreadable("its `value` is empty"));
    }
    Ok(Secret::new(bytes))
}
