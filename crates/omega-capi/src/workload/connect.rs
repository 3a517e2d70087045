use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use omega_core::{
    Diagnostic, Label, Retry, Touched,
    kubeconfig::{Kubeconfig, KubeconfigError},
    values::Secret,
};

use super::ClusterName;
use crate::{Error, Management, list::JSON, wire::SecretObject};

/// A client of a workload cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workload {
    pub(super) api: Management,
}

/// There is no usable kubeconfig for a workload cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the cluster and the cause")]
pub enum WorkloadError {
    /// The secret with the kubeconfig could not be read from the management cluster.
    #[error("the kubeconfig of {cluster} could not be read")]
    Management { cluster: ClusterName, source: Error },
    /// The secret does not exist.
    #[error("there is no secret {cluster}-kubeconfig")]
    NoSecret { cluster: ClusterName },
    /// The secret holds no kubeconfig. `why` does not quote it.
    #[error("the secret {cluster}-kubeconfig can't be used: {why}")]
    Unreadable { cluster: ClusterName, why: String },
    /// The kubeconfig in the secret is not valid.
    #[error("the secret {cluster}-kubeconfig can't be used")]
    Kubeconfig { cluster: ClusterName, source: KubeconfigError },
    /// No client can be created from the kubeconfig.
    #[error("the secret {cluster}-kubeconfig can't be used")]
    Client { cluster: ClusterName, source: Error },
    /// A request to the workload cluster failed.
    #[error(transparent)]
    Request(#[from] Error),
}

impl WorkloadError {
    fn api(&self) -> Option<&Error> {
        match self {
            Self::Management { source, .. }
            | Self::Client { source, .. }
            | Self::Request(source) => Some(source),
            Self::NoSecret { .. } | Self::Unreadable { .. } | Self::Kubeconfig { .. } => None,
        }
    }
}

impl Diagnostic for WorkloadError {
    fn retry(&self) -> Retry {
        self.api().map_or(Retry::Final, Diagnostic::retry)
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Management { source, .. }
            | Self::Client { source, .. }
            | Self::Request(source) => source.next(),
            Self::NoSecret { cluster } => {
                let ClusterName { namespace, name } = cluster;
                Some(format!(
                    "Cluster API creates it once the API has an address: kubectl -n {namespace} \
                     describe cluster {name}"
                ))
            }
            // The control plane's controller renews it in time, and writes one that is gone anew.
            Self::Unreadable { cluster, .. } | Self::Kubeconfig { cluster, .. } => {
                let ClusterName { namespace, name } = cluster;
                Some(format!(
                    "delete it, and Cluster API creates it again: kubectl -n {namespace} delete \
                     secret {name}-kubeconfig"
                ))
            }
        }
    }

    fn found(&self) -> Option<String> {
        self.api()?.found()
    }

    fn expected(&self) -> Option<String> {
        self.api()?.expected()
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Request(source) => source.touched(),
            Self::Management { .. }
            | Self::NoSecret { .. }
            | Self::Unreadable { .. }
            | Self::Kubeconfig { .. }
            | Self::Client { .. } => Touched::Nothing,
        }
    }

    fn timed_out(&self) -> bool {
        self.api().is_some_and(Diagnostic::timed_out)
    }

    fn refused(&self) -> bool {
        self.api().is_some_and(Diagnostic::refused)
    }
}

impl Workload {
    /// Creates a client with the kubeconfig that Cluster API keeps in the secret
    /// `<cluster>-kubeconfig` of the management cluster. It is an administrator's, but only used to
    /// read.
    ///
    /// # Guarantees
    ///
    /// One request to the management cluster, and none to the workload cluster yet. The kubeconfig
    /// stays in memory.
    ///
    /// # Errors
    ///
    /// Fails if there is no such secret, or no kubeconfig in it that is valid at `now`.
    pub async fn connect(
        management: &Management,
        cluster: &ClusterName,
        now: Timestamp,
    ) -> Result<Self, WorkloadError> {
        let bytes = stored_kubeconfig(management, cluster).await?;
        let named = || cluster.clone();
        let kubeconfig = Kubeconfig::parse(bytes, now)
            .map_err(|source| WorkloadError::Kubeconfig { cluster: named(), source })?;
        let api = Management::connect_within(&kubeconfig, management.deadlines()).await;
        let api = api.map_err(|source| WorkloadError::Client { cluster: named(), source })?;
        Ok(Self { api: api.in_mode(management.mode()) })
    }

    /// Uses `api` as the client of the workload cluster.
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
    let found = management.find::<SecretObject>(&path, JSON).await;
    let found = found.map_err(|source| WorkloadError::Management { cluster: cluster(), source })?;
    let secret = found.ok_or_else(|| WorkloadError::NoSecret { cluster: cluster() })?;
    let unreadable =
        |why: &str| WorkloadError::Unreadable { cluster: cluster(), why: why.to_owned() };
    let value = secret.data.and_then(|mut data| data.remove("value"));
    let value = value.ok_or_else(|| unreadable("it has no `value`"))?;
    let bytes = STANDARD.decode(value).map_err(|_| unreadable("its `value` is not base64"))?;
    if bytes.is_empty() {
        return Err(unreadable("its `value` is empty"));
    }
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kubernetes-sigs/cluster-api#3348, #3113.
    #[test]
    fn a_stored_kubeconfig_that_ended_is_deleted_and_written_anew() {
        let text = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
        let later = "2030-01-01T00:00:00Z".parse().unwrap();
        let source = Kubeconfig::parse(Secret::from(text.to_owned()), later).unwrap_err();
        assert!(source.to_string().contains("expired"), "{source}");
        let cluster =
            ClusterName { namespace: "magnum-1".parse().unwrap(), name: "c1".parse().unwrap() };
        let next = WorkloadError::Kubeconfig { cluster, source }.next().unwrap();
        assert!(next.ends_with("kubectl -n magnum-1 delete secret c1-kubeconfig"), "{next}");
        assert!(next.contains("Cluster API creates it again"), "{next}");
    }
}
