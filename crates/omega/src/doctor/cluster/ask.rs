//! Reads everything about one workload cluster.

use std::{sync::Arc, time::Duration};

use omega_capi::{
    Error, Management, Namespace,
    credentials::read_cluster_credentials,
    health::{Addon, Machines, read_addons, read_machines},
    health::{Credential, HealthFacts, LoadBalancer, Names, NodeGroup, Recorded, read_objects},
    releases::{Release, Releases},
    served::ServedVersions,
};
use omega_driver::{DriverRelease, naming::CLOUD};
use omega_openstack::{
    CloudConfig, ReadOnly, Session, SessionOptions,
    cloud_inventory::{CloudInventory, Quota},
    container_infra::{Cluster, ContainerInfra, NodeGroup as MagnumNodeGroup},
    identity::{CredentialStatus, check_application_credential},
};
use serde_json::Value;

use super::ClusterFacts;
use crate::doctor::{causes, running::Running};

/// How long Keystone may take to answer a cluster's own credential.
const LOGIN: Duration = Duration::from_secs(20);

/// The clients, and what is known already.
#[derive(Debug)]
pub(in crate::doctor) struct Asking<'a> {
    pub(in crate::doctor) magnum: &'a ContainerInfra,
    pub(in crate::doctor) inventory: &'a CloudInventory,
    pub(in crate::doctor) management: &'a Management,
    pub(in crate::doctor) served: Option<&'a ServedVersions>,
    pub(in crate::doctor) releases: &'a Result<Releases, Error>,
    pub(in crate::doctor) driver: &'a DriverRelease,
    pub(in crate::doctor) running: &'a Running,
    pub(in crate::doctor) prefix: &'a str,
    /// What to do if the kubeconfig that it is read with is refused.
    pub(in crate::doctor) renew: String,
}

/// Reads everything about `cluster`.
pub(in crate::doctor) async fn ask(asking: &Asking<'_>, cluster: &Cluster) -> ClusterFacts {
    let Asking { magnum, inventory, management, served, releases, driver, running, .. } = asking;
    let stack = cluster.stack_id.as_deref().unwrap_or_default();
    let project = cluster.project_id.as_deref().unwrap_or_default();
    let groups = magnum.node_groups(&cluster.uuid).await;
    let groups_unknown = groups.as_ref().err().map(|error| causes(error));
    let groups: Vec<MagnumNodeGroup> = groups.into_iter().flatten().collect();
    let names = names(cluster, asking.prefix, &groups);
    let namespace = names.namespace();
    let Running { overrides, as_driver, control_plane, .. } = running;
    let paths =
        HealthFacts::paths(driver, overrides, &names, served.unwrap_or(&ServedVersions::default()));
    let (answers, addons, machines, balancers, credential) = futures::join!(
        read_objects(management, &paths),
        addons(management, &namespace, stack),
        machines(management, *served, &namespace, stack),
        balancers(inventory, project, &namespace, stack),
        credential(management, &namespace, stack),
    );
    let (load_balancers, in_project) = balancers.map_or((None, 0), |(own, all)| (Some(own), all));
    let (quotas, quotas_unknown) = quotas(inventory, project, in_project).await;
    ClusterFacts {
        cluster: cluster.clone(),
        evidence: HealthFacts {
            driver: (*driver).clone(),
            overrides: overrides.clone(),
            names,
            status: cluster.status.clone().unwrap_or_default(),
            recorded: recorded(cluster),
            served: served.cloned(),
            answers,
            as_driver: as_driver.clone(),
            load_balancers,
            credential: credential.as_ref().ok().and_then(Option::as_ref).map(accepted),
        },
        addons,
        machines,
        groups,
        groups_unknown,
        control_plane: control_plane.clone(),
        renew: asking.renew.clone(),
        credential,
        release: release(releases, &namespace, stack),
        quotas,
        quotas_unknown,
        stack: stack.to_owned(),
    }
}

fn names(cluster: &Cluster, prefix: &str, groups: &[MagnumNodeGroup]) -> Names {
    let group =
        |one: &MagnumNodeGroup| NodeGroup { name: one.name.clone(), role: one.role.clone() };
    Names {
        stack_id: cluster.stack_id.clone(),
        project_id: cluster.project_id.clone().unwrap_or_default(),
        namespace_prefix: prefix.to_owned(),
        node_groups: groups.iter().map(group).collect(),
    }
}

fn recorded(cluster: &Cluster) -> Recorded {
    let text = |(key, value): (&String, &String)| (key.clone(), Value::String(value.clone()));
    let reason = cluster.health_status_reason.as_ref().filter(|reason| !reason.is_empty());
    Recorded {
        status: cluster.health_status.clone(),
        reason: reason.map(|reason| reason.iter().map(text).collect()),
    }
}

fn accepted(answer: &CredentialStatus) -> Credential {
    match answer {
        CredentialStatus::Accepted(_) => Credential::Accepted,
        CredentialStatus::Refused { words } => Credential::Refused { message: words.clone() },
    }
}

fn of_namespace(namespace: &str) -> Result<Namespace, String> {
    namespace.parse().map_err(|_| "it has no namespace".to_owned())
}

async fn addons(
    management: &Management,
    namespace: &str,
    stack: &str,
) -> Result<Vec<Addon>, String> {
    let read = read_addons(management, &of_namespace(namespace)?, stack).await;
    read.map_err(|error| causes(&error))
}

async fn machines(
    management: &Management,
    served: Option<&ServedVersions>,
    namespace: &str,
    stack: &str,
) -> Result<Machines, String> {
    let Some(served) = served else { return Ok(Machines::default()) };
    let read = read_machines(management, served, &of_namespace(namespace)?, stack).await;
    read.map_err(|error| causes(&error))
}

/// What Keystone answers to the cluster's own application credential, in a separate session from this
/// machine. `None` if it has none.
async fn credential(
    management: &Management,
    namespace: &str,
    stack: &str,
) -> Result<Option<CredentialStatus>, String> {
    let read = read_cluster_credentials(management, &of_namespace(namespace)?, stack).await;
    let Some(read) = read.map_err(|error| causes(&error))? else { return Ok(None) };
    let source = format!("{namespace}/{stack}-cloud-credentials");
    let config = CloudConfig::from_clouds(&read.clouds, CLOUD, read.cacert.as_ref(), &source)
        .map_err(|error| causes(&error))?;
    let options = SessionOptions::default().stall_limit(LOGIN);
    let session = Session::new(config, &options).await.map_err(|error| causes(&error))?;
    let session = ReadOnly::new(Arc::new(session));
    check_application_credential(&session, None).await.map(Some).map_err(|error| causes(&error))
}

/// The cluster's load balancers, and how many the project has. The first is the provider's (CAPO
/// 0.14.4, `pkg/cloud/services/loadbalancer`), the others those of the cluster's Services (cloud
/// provider OpenStack, `kube_service_CLUSTER_NAMESPACE_NAME`).
async fn balancers(
    inventory: &CloudInventory,
    project: &str,
    namespace: &str,
    stack: &str,
) -> Option<(Vec<LoadBalancer>, usize)> {
    let all = inventory.load_balancers(project).await.ok()?;
    let count = all.len();
    let api = format!("k8s-clusterapi-cluster-{namespace}-{stack}-kubeapi");
    let service = format!("kube_service_{stack}_");
    let own = all.into_iter().filter(|one| one.name == api || one.name.starts_with(&service));
    let own = own.map(|one| LoadBalancer {
        name: one.name,
        provisioning_status: one.provisioning_status,
        operating_status: one.operating_status,
    });
    Some((own.collect(), count))
}

fn release(
    releases: &Result<Releases, Error>,
    namespace: &str,
    stack: &str,
) -> Result<Option<Release>, String> {
    let all = releases.as_ref().map_err(|error| causes(error))?;
    let of = |one: &&Release| one.namespace.as_str() == namespace && one.name == stack;
    Ok(all.releases.iter().find(of).cloned())
}

/// Returns the quotas, and why some of them are not known. `balancers`: how many the project has.
async fn quotas(
    inventory: &CloudInventory,
    project: &str,
    balancers: usize,
) -> (Vec<Quota>, Option<String>) {
    let (network, balancer) = futures::join!(
        inventory.network_quotas(project),
        inventory.load_balancer_quota(project, balancers)
    );
    let unknown = [network.as_ref().err(), balancer.as_ref().err()];
    let unknown = unknown.into_iter().flatten().next().map(|error| causes(error));
    (network.into_iter().flatten().chain(balancer).collect(), unknown)
}
