//! The volumes of a workload cluster's claims. They are read only, because they are the users' data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ClusterName, Error, Method, Request, Service, Transport, service_response::list};

/// The metadata that Cinder's CSI plugin adds to each volume that it creates, with its option `cluster`
/// (cloud-provider-openstack 1.31, `pkg/csi/cinder/driver.go`, `cinderCSIClusterIDKey`).
const CLUSTER: &str = "cinder.csi.openstack.org/cluster";
/// The claim that it was created for (external-provisioner, with `--extra-create-metadata`).
const CLAIM: &str = "csi.storage.k8s.io/pvc/name";
const NAMESPACE: &str = "csi.storage.k8s.io/pvc/namespace";

/// A volume that was created for a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterVolume {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// In GiB.
    pub size: u64,
    /// `available`, `in-use`...
    pub status: String,
    /// `NAMESPACE/NAME` of the claim, if it is known.
    pub claim: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Returns the volumes of the project that have the cluster's name in their metadata.
///
/// # Errors
///
/// Fails if Cinder does not answer or does not permit it.
pub async fn cluster_volumes(
    transport: &dyn Transport,
    cluster: &ClusterName,
) -> Result<Vec<ClusterVolume>, Error> {
    let request = Request::new(Service::BlockStorage, Method::Get, &["volumes", "detail"]);
    let all: Vec<Wire> = list(transport, request, "volumes").await?;
    let ours = all.into_iter().filter(|one| one.metadata.get(CLUSTER) == Some(&cluster.name));
    let volume = |Wire { id, name, size, status, metadata }: Wire| {
        let claim = metadata.get(NAMESPACE).zip(metadata.get(CLAIM));
        let claim = claim.map(|(namespace, name)| format!("{namespace}/{name}"));
        ClusterVolume { id, name: name.unwrap_or_default(), size, status, claim }
    };
    let mut volumes: Vec<_> = ours.map(volume).collect();
    volumes.sort();
    Ok(volumes)
}
