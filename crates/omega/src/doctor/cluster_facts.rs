//! What Magnum, Cluster API, helm and Octavia say of one workload cluster.

use std::time::Duration;

use jiff::Timestamp;
use omega_capi::{
    Error, Management, Namespace,
    credentials::{CLOUD, read_cluster_credentials},
    health::{Addon, read_addons},
    health::{Answer, Credential, Evidence, LoadBalancer, Names, NodeGroup, Recorded, ask_objects},
    releases::{Release, Releases},
    served::ServedVersions,
};
use omega_driver::{DriverRelease, Overrides};
use omega_openstack::{
    CloudConfig, Session, SessionOptions,
    cloud_inventory::{CloudInventory, Quota},
    container_infra::{Cluster, ContainerInfra},
    identity::{CredentialAnswer, ask_application_credential},
};
use serde_json::Value;

use super::cloud::causes;

/// Who is asked, and what is known by then.
pub(super) struct Asking<'a> {
    pub(super) magnum: &'a ContainerInfra,
    pub(super) survey: &'a CloudInventory,
    pub(super) management: &'a Management,
    pub(super) served: Option<&'a ServedVersions>,
    pub(super) releases: &'a Result<Releases, Error>,
    pub(super) driver: DriverRelease,
    pub(super) overrides: &'a Overrides,
    pub(super) prefix: &'a str,
    /// What the driver's own kubeconfig is answered, where that is known.
    pub(super) as_driver: Option<&'a Answer>,
}

/// Everything that is known of one cluster.
pub(super) struct ClusterFacts {
    pub(super) cluster: Cluster,
    pub(super) stack: String,
    pub(super) evidence: Evidence,
    pub(super) addons: Result<Vec<Addon>, String>,
    /// Why Magnum did not list its node groups: then nobody looked at their machines.
    pub(super) groups_unknown: Option<String>,
    /// Its helm release; `None` if there is none, an error if nobody can tell.
    pub(super) release: Result<Option<Release>, String>,
    /// Octavia's and Neutron's quotas of its project, where they could be asked.
    pub(super) quotas: Vec<Quota>,
    /// Why it is not known whether its application credential authenticates.
    pub(super) credential_unknown: Option<String>,
    /// The roles of its application credential, where Keystone takes it.
    pub(super) roles: Option<Vec<String>>,
}

impl ClusterFacts {
    /// Returns for how long it has been there, by the clock `now`.
    pub(super) fn age(&self, now: Timestamp) -> Option<jiff::SignedDuration> {
        let created: Timestamp = self.cluster.created_at.as_deref()?.parse().ok()?;
        Some(now.duration_since(created))
    }

    /// Returns for how long the provider's object has had an untrue condition, by the clock `now`.
    pub(super) fn untrue_for(&self, now: Timestamp) -> Option<jiff::SignedDuration> {
        let provider = |(path, _): &(&String, &Answer)| path.contains("/openstackclusters/");
        let objects = self.evidence.answers.0.iter().filter(provider);
        let statuses = objects.filter_map(|(_, answer)| match answer {
            Answer::Object(object) => object.status.as_ref()?.pointer("/conditions")?.as_array(),
            Answer::Empty | Answer::Alien | Answer::Status { .. } | Answer::Nothing { .. } => None,
        });
        let untrue = statuses.flatten().filter(|one| one["status"] != "True");
        let since = untrue.filter_map(|one| one["lastTransitionTime"].as_str()?.parse().ok());
        since.map(|time: Timestamp| now.duration_since(time)).max()
    }

    pub(super) fn status(&self) -> &str {
        self.cluster.status.as_deref().unwrap_or_default()
    }
}

/// Asks for everything that there is to know of `cluster`.
pub(super) async fn ask(asking: &Asking<'_>, cluster: &Cluster) -> ClusterFacts {
    let Asking { magnum, survey, management, served, releases, driver, overrides, prefix, .. } =
        asking;
    let stack = cluster.stack_id.clone().unwrap_or_default();
    let project = cluster.project_id.clone().unwrap_or_default();
    let groups = magnum.node_groups(&cluster.uuid).await;
    let groups_unknown = groups.as_ref().err().map(|error| causes(error));
    let group = |group: omega_openstack::container_infra::NodeGroup| NodeGroup {
        name: group.name,
        role: group.role,
    };
    let names = Names {
        stack_id: cluster.stack_id.clone(),
        project_id: project.clone(),
        namespace_prefix: (*prefix).to_owned(),
        node_groups: groups.into_iter().flatten().map(group).collect(),
    };
    let namespace = names.namespace();
    let nothing = ServedVersions::default();
    let paths = Evidence::paths(driver, overrides, &names, served.unwrap_or(&nothing));
    let (answers, addons, balancers, credential) = futures::join!(
        ask_objects(management, &paths),
        addons(management, &namespace, &stack),
        balancers(survey, &project, &namespace, &stack),
        credential(management, &namespace, &stack),
    );
    let (credential, credential_unknown) = match credential {
        Ok(answer) => (answer, None),
        Err(why) => (None, Some(why)),
    };
    let (load_balancers, in_project) = balancers.map_or((None, 0), |(own, all)| (Some(own), all));
    let evidence = Evidence {
        driver: driver.clone(),
        overrides: (*overrides).clone(),
        names,
        status: cluster.status.clone().unwrap_or_default(),
        recorded: recorded(cluster),
        served: served.cloned(),
        answers,
        as_driver: asking.as_driver.cloned(),
        load_balancers,
        credential: credential.as_ref().map(|answer| match answer {
            CredentialAnswer::Accepted(_) => Credential::Accepted,
            CredentialAnswer::Refused { words } => Credential::Refused { words: words.clone() },
        }),
    };
    let roles = credential.and_then(|answer| match answer {
        CredentialAnswer::Accepted(accepted) => Some(accepted.roles),
        CredentialAnswer::Refused { .. } => None,
    });
    let release = release(releases, &namespace, &stack);
    let quotas = quotas(survey, &project, in_project).await;
    ClusterFacts {
        cluster: cluster.clone(),
        stack,
        evidence,
        addons,
        groups_unknown,
        credential_unknown,
        release,
        quotas,
        roles,
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

async fn addons(
    management: &Management,
    namespace: &str,
    stack: &str,
) -> Result<Vec<Addon>, String> {
    let namespace: Namespace = namespace.parse().map_err(|_| "it has no namespace".to_owned())?;
    read_addons(management, &namespace, stack).await.map_err(|error| causes(&error))
}

/// What Keystone says to the cluster's own application credential: asked with a session of its
/// own, from here. `None` if it has none.
async fn credential(
    management: &Management,
    namespace: &str,
    stack: &str,
) -> Result<Option<CredentialAnswer>, String> {
    let namespace: Namespace = namespace.parse().map_err(|_| "it has no namespace".to_owned())?;
    let read = read_cluster_credentials(management, &namespace, stack).await;
    let Some(read) = read.map_err(|error| causes(&error))? else { return Ok(None) };
    let source = format!("{namespace}/{stack}-cloud-credentials");
    let config = CloudConfig::from_clouds(&read.clouds, CLOUD, read.cacert.as_ref(), &source)
        .map_err(|error| causes(&error))?;
    let options = SessionOptions::default().stall_limit(Duration::from_secs(20));
    let session = Session::new(config, &options).await.map_err(|error| causes(&error))?;
    ask_application_credential(&session, None).await.map(Some).map_err(|error| causes(&error))
}

/// The cluster's load balancers, and how many the project has. The first is the provider's (CAPO
/// 0.14.4, `pkg/cloud/services/loadbalancer`), the others those of the cluster's Services (cloud
/// provider OpenStack, `kube_service_CLUSTER_NAMESPACE_NAME`).
async fn balancers(
    survey: &CloudInventory,
    project: &str,
    namespace: &str,
    stack: &str,
) -> Option<(Vec<LoadBalancer>, usize)> {
    let all = survey.load_balancers(project).await.ok()?;
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

async fn quotas(survey: &CloudInventory, project: &str, balancers: usize) -> Vec<Quota> {
    let (network, balancer) = futures::join!(
        survey.network_quotas(project),
        survey.load_balancer_quota(project, balancers)
    );
    network.into_iter().flatten().chain(balancer).collect()
}
