use futures::future::try_join;
use k8s_openapi::api::core::v1::Node;
use serde::{Deserialize, Serialize};

use crate::{Error, Management, list::JSON};

const NODES: &str = "/api/v1/nodes";
const PAGE: usize = 250;

/// The versions of Kubernetes of the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kubernetes {
    /// That of the API server: `v1.32.9`.
    pub server: String,
    /// Those of its nodes.
    pub kubelets: Vec<Kubelet>,
}

/// The kubelet of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kubelet {
    /// The node.
    pub node: String,
    /// The version: `v1.32.9`; empty before the kubelet has reported.
    pub version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

/// Reads the versions of the management cluster's API server and of its kubelets.
///
/// # Guarantees
///
/// One request, and one more for each 250 nodes.
///
/// # Errors
///
/// Fails if one of them can't be read. The user needs the right to list nodes.
pub async fn read_kubernetes(management: &Management) -> Result<Kubernetes, Error> {
    let server = management.read::<Version>("/version", JSON);
    let nodes = management.list_as(NODES, "", (PAGE, 10_000), JSON, kubelet);
    let (server, kubelets) = try_join(server, nodes).await?;
    Ok(Kubernetes { server: server.git_version, kubelets })
}

/// Reads the version of the management cluster's API server: also who has few rights may.
///
/// # Errors
///
/// Fails if it does not answer.
pub async fn read_server_version(management: &Management) -> Result<String, Error> {
    management.read::<Version>("/version", JSON).await.map(|version| version.git_version)
}

fn kubelet(node: Node) -> Kubelet {
    let info = node.status.and_then(|status| status.node_info);
    Kubelet {
        node: node.metadata.name.unwrap_or_default(),
        version: info.map(|info| info.kubelet_version).unwrap_or_default(),
    }
}
