use futures::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, Management,
    list::JSON,
    served::{ServedVersions, discover_versions},
    workload::at,
};

const GROUP: &str = "cluster.x-k8s.io";
const PAGE: usize = 250;
const MOST: usize = 10_000;

/// What Cluster API manages, as far as it tells which clusters are whose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Managed {
    /// The clusters.
    pub clusters: Vec<ManagedCluster>,
    /// Their machines.
    pub machines: Vec<ManagedMachine>,
    /// Their `MachineHealthCheck`s.
    pub health_checks: Vec<HealthCheck>,
}

/// A `Cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManagedCluster {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The address of its API, once it has one (`spec.controlPlaneEndpoint`).
    pub endpoint: Option<ApiEndpoint>,
}

/// The address of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiEndpoint {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A `Machine`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManagedMachine {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its cluster.
    pub cluster: String,
    /// Its server, once it has one (`openstack:///SERVER`, `openstack://REGION/SERVER`).
    pub provider_id: Option<String>,
}

/// A `MachineHealthCheck`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthCheck {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The cluster whose machines it watches.
    pub cluster: String,
}

impl ManagedMachine {
    /// Returns whether it is the server with the id. (cluster-api-provider-openstack 0.14,
    /// `pkg/cloud/services/compute`: the id ends with that of the server.)
    pub fn is_server(&self, id: &str) -> bool {
        self.provider_id.as_deref().and_then(|text| text.rsplit('/').next()) == Some(id)
    }
}

impl Managed {
    /// Returns the clusters that no `MachineHealthCheck` watches.
    pub fn unwatched(&self) -> impl Iterator<Item = &ManagedCluster> {
        self.clusters.iter().filter(|cluster| {
            let watches = |check: &&HealthCheck| {
                check.namespace == cluster.namespace && check.cluster == cluster.name
            };
            !self.health_checks.iter().any(|check| watches(&check))
        })
    }
}

/// Reads the clusters of all namespaces, their machines and `MachineHealthCheck`s, at the newest version that
/// is served.
///
/// # Guarantees
///
/// Four requests; one more for each further 250 objects of a kind.
///
/// # Errors
///
/// Fails if they can't be listed, or if the server has no kinds of Cluster API. The user needs the right to
/// list them in all namespaces.
pub async fn read_managed(management: &Management) -> Result<Managed, Error> {
    let served = discover_versions(management).await?;
    let (clusters, machines, health_checks) = try_join!(
        all(management, &served, "clusters", cluster),
        all(management, &served, "machines", machine),
        all(management, &served, "machinehealthchecks", health_check),
    )?;
    Ok(Managed { clusters, machines, health_checks })
}

async fn all<T>(
    management: &Management,
    served: &ServedVersions,
    plural: &str,
    reduced: impl Fn(Value) -> T,
) -> Result<Vec<T>, Error> {
    let path = at(management, served, GROUP, plural, None)?;
    management.list_as(&path, "", (PAGE, MOST), JSON, reduced).await
}

fn text(object: &Value, at: &str) -> String {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "as a list reduces its objects")]
fn cluster(object: Value) -> ManagedCluster {
    let host = text(&object, "/spec/controlPlaneEndpoint/host");
    let port = object.pointer("/spec/controlPlaneEndpoint/port").and_then(Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(6443);
    ManagedCluster {
        namespace: text(&object, "/metadata/namespace"),
        name: text(&object, "/metadata/name"),
        endpoint: (!host.is_empty()).then_some(ApiEndpoint { host, port }),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as a list reduces its objects")]
fn machine(object: Value) -> ManagedMachine {
    let provider_id = Some(text(&object, "/spec/providerID")).filter(|text| !text.is_empty());
    ManagedMachine {
        namespace: text(&object, "/metadata/namespace"),
        name: text(&object, "/metadata/name"),
        cluster: text(&object, "/spec/clusterName"),
        provider_id,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as a list reduces its objects")]
fn health_check(object: Value) -> HealthCheck {
    HealthCheck {
        namespace: text(&object, "/metadata/namespace"),
        name: text(&object, "/metadata/name"),
        cluster: text(&object, "/spec/clusterName"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::Apiserver;

    #[tokio::test]
    async fn clusters_machines_and_their_health_checks_are_read() {
        let server = Apiserver::with_clusters();
        let put = |plural: &str, name: &str, spec: Value| {
            let metadata = json!({"namespace": "magnum-a", "name": name});
            let path = format!("/apis/{GROUP}/v1beta2/{plural}");
            server.put(&path, json!({"metadata": metadata, "spec": spec}));
        };
        put("clusters", "c1", json!({"controlPlaneEndpoint": {"host": "10.12.7.90", "port": 443}}));
        put("clusters", "c2", json!({}));
        put("machines", "m", json!({"clusterName": "c1", "providerID": "openstack:///5d0c"}));
        put("machinehealthchecks", "c1-md", json!({"clusterName": "c1"}));
        let found = read_managed(&Management::over(server, "sim")).await.unwrap();
        let endpoint = ApiEndpoint { host: "10.12.7.90".into(), port: 443 };
        assert_eq!(found.clusters[0].endpoint, Some(endpoint));
        assert_eq!(found.clusters[1].endpoint, None);
        let machine = &found.machines[0];
        assert!(machine.is_server("5d0c") && !machine.is_server("d0c"), "{machine:?}");
        assert_eq!(found.unwatched().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["c2"]);
    }
}
