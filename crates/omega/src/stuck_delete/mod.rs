//! Releases a cluster stuck deleting, and removes what it left in the cloud.

mod cluster_credential;
mod gates;
pub(crate) use gates::RULES;
mod release;
mod replacement;

use std::{sync::Arc, time::Duration};

pub(crate) use cluster_credential::own_credential;
pub use cluster_credential::{Login, logins};
use omega_capi::{Namespace, served::discover_versions};
use omega_core::{Failure, FailureClass, Label as _, run::Job, values::Secret};
use omega_openstack::{
    ClusterName, Error as CloudError, Transport,
    block_storage::{ClusterVolume, cluster_volumes},
    container_infra::Cluster,
    identity::CredentialStatus,
    network::{Network, Remaining, RemoveClusterNetwork},
};
pub use release::{Release, StuckCluster};
pub use replacement::Replacement;
use serde::Serialize;

use crate::{
    clients::{Clients, Connect},
    graft::namespace_prefix,
    site::Site,
};

/// The job's name, in runs.
pub const RELEASE_STUCK_DELETE: &str = "release-stuck-delete";

/// The cluster to release, and the time limits.
#[derive(Clone, Debug)]
pub struct StuckDelete {
    /// The cluster: its name or id in Magnum, or its stack id.
    pub cluster: String,
    /// Its namespace, if Magnum no longer knows the cluster.
    pub namespace: Option<Namespace>,
    /// A clouds.yaml whose application credential is put into the cluster's secret first, and the
    /// name of that file.
    pub credential: Option<(Secret, String)>,
    /// How long a delete must have made no progress to count as stuck.
    pub patience: Duration,
    /// How long the controllers get to finish by themselves after each change.
    pub wait: Duration,
}

/// What is left of a cluster in its project.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct LeftInProject {
    /// The parts of its network that other resources use.
    pub parts: Option<Vec<Remaining>>,
    /// Its volumes, which are not deleted.
    pub volumes: Option<Vec<ClusterVolume>>,
    /// What could not be listed, and why.
    #[serde(skip)]
    pub unknown: Vec<CloudError>,
}

/// A cluster's name, namespace and project.
struct Place {
    namespace: Namespace,
    stack: String,
    project: String,
}

impl StuckDelete {
    /// Finds the cluster, and reads what holds it, which determines the steps. Take the lock before.
    ///
    /// # Errors
    ///
    /// Refuses a cluster that Magnum is not deleting, a credential that can't be used, and a cluster
    /// whose project can't be logged in to: what it leaves there could not be found.
    pub async fn find(&self, connect: &Connect<'_>, clients: &Clients) -> Result<Release, Failure> {
        let place = self.place(connect.site, clients).await?;
        let served = discover_versions(&clients.management).await.map_err(|error| {
            Failure::from_error("could not read what the management cluster serves", &error)
        })?;
        if served.versions_of("cluster.x-k8s.io", "clusters").next().is_none() {
            let what = "no version of clusters.cluster.x-k8s.io is served: nothing can be released";
            let next = "serve it again (omega-cli served-versions), and wait for the controllers";
            return Err(Failure::new(FailureClass::Refused, what).next(next));
        }
        let cluster = StuckCluster {
            management: Arc::clone(&clients.management),
            served: Arc::new(served),
            namespace: place.namespace,
            stack: place.stack,
            patience: self.patience,
            wait: self.wait,
            login: logins(connect.mode(), connect.limits()),
        };
        let replacement = match &self.credential {
            Some((given, name)) => {
                Some(replacement::replacement(&cluster, given, name, &place.project).await?)
            }
            None => None,
        };
        let held = cluster.deletion().await?.held;
        let operator = connect.in_project(&place.project).await?;
        let project = log_in(operator, &cluster, &place.project, replacement.as_ref()).await?;
        Ok(Release { cluster, held, replacement, project })
    }

    /// Finds the cluster in Magnum, by its name, its id or its stack id.
    async fn place(&self, site: &Site, clients: &Clients) -> Result<Place, Failure> {
        let (name, magnum) = (&self.cluster, &clients.cloud.magnum);
        let all = magnum.clusters_for(name).await.map_err(|error| {
            Failure::from_error(
                format!("could not list the clusters of {}", magnum.label()),
                &error,
            )
        })?;
        let is = |one: &&Cluster| {
            one.stack_id.as_deref() == Some(name) || one.uuid == *name || one.name == *name
        };
        let found: Vec<&Cluster> = all.iter().filter(is).collect();
        match found.as_slice() {
            [] => {
                let namespace = self.namespace.clone().ok_or_else(|| {
                    let what = format!("Magnum has no cluster {name:?}");
                    let next = "give its stack id, and its namespace: --namespace magnum-PROJECT";
                    Failure::new(FailureClass::Usage, what).next(next)
                })?;
                let project = project_of(&namespace)?;
                Ok(Place { namespace, stack: name.clone(), project })
            }
            [one] => known(site, one, self.namespace.as_ref()),
            many => {
                let ids: Vec<_> = many.iter().map(|one| one.uuid.as_str()).collect();
                let what = format!("{} clusters have the name {name:?}", many.len());
                let failure = Failure::new(FailureClass::Usage, what).next("use its id");
                Err(Failure { found: Some(ids.join(", ")), ..failure })
            }
        }
    }
}

impl Release {
    /// Returns the job. `site`: the site, as the operator named it.
    pub fn job(&self, site: &str, clients: &Clients) -> Job {
        Job::new(RELEASE_STUCK_DELETE, site, self.targets())
            .on(clients.endpoints(), clients.counts())
    }

    /// Returns the names of the cluster's resources.
    pub fn mark(&self) -> ClusterName {
        self.cluster.mark()
    }

    /// Lists what belongs to the cluster and is kept.
    pub async fn left(&self) -> LeftInProject {
        let mark = self.mark();
        let network = Network::new(Arc::clone(&self.project));
        let desired = RemoveClusterNetwork { cluster: mark.clone() };
        let (mut unknown, parts) = (Vec::new(), network.inventory().await);
        let parts =
            parts.map(|seen| desired.remaining(&seen)).map_err(|error| unknown.push(error)).ok();
        let volumes = cluster_volumes(&*self.project, &mark).await;
        let volumes = volumes.map_err(|error| unknown.push(error)).ok();
        LeftInProject { parts, volumes, unknown }
    }
}

/// Returns a connection to the cluster's project: the operator's if possible, because Magnum deletes
/// the cluster's own credential as soon as the cluster is gone.
async fn log_in(
    operator: Arc<dyn Transport>,
    cluster: &StuckCluster,
    project: &str,
    replacement: Option<&Replacement>,
) -> Result<Arc<dyn Transport>, Failure> {
    match operator.token_info().await {
        Ok(_) => return Ok(operator),
        Err(CloudError::Login { source, .. })
            if source.refusal().is_some() || matches!(*source, CloudError::OtherProject { .. }) => {
        }
        Err(error) => {
            let what = format!("could not log in to project {project}");
            return Err(Failure::from_error(what, &error));
        }
    }
    let found = cluster.credentials().await?;
    let cacert = found.as_ref().and_then(|found| found.cacert.clone());
    let cacert = cacert.or_else(|| replacement?.cacert.clone());
    let clouds = replacement.map(|new| new.clouds.clone());
    if let Some(clouds) = clouds.or_else(|| found.map(|found| found.clouds)) {
        let source = format!("{}-cloud-credentials", cluster.stack);
        let own = own_credential(&cluster.login, &clouds, cacert.as_ref(), &source).await?;
        if let (CredentialStatus::Accepted(_), cloud) = own {
            return Ok(cloud);
        }
    }
    // Once the finalizers are gone, what the cluster left could not be found any more.
    let what = format!("what {} leaves in the cloud could not be found", cluster.stack);
    Err(Failure::new(FailureClass::Gate, what)
        .because(format!("no login to its project {project} works"))
        .next(
            "log in as a user with a role there (cloud in the site file), or give the cluster a \
             credential that authenticates: --credential-from FILE",
        ))
}

fn known(site: &Site, one: &Cluster, namespace: Option<&Namespace>) -> Result<Place, Failure> {
    let prefix = namespace_prefix(site);
    let status = one.status.as_deref().unwrap_or_default();
    let refuse = |why: String| {
        Failure::new(FailureClass::Refused, format!("refused to release cluster {}", one.name))
            .because(why)
    };
    if !status.starts_with("DELETE_") {
        return Err(refuse(format!("Magnum is not deleting it: its status is {status}"))
            .next("delete it first: openstack coe cluster delete"));
    }
    let (Some(stack), true) = (one.stack_id.clone(), one.is_capi()) else {
        return Err(refuse("it was not created by magnum-capi-helm".to_owned()));
    };
    let made = one.helm_namespace(&prefix).and_then(|text| text.parse::<Namespace>().ok());
    let (Some(made), Some(project)) = (made, one.project_id.clone()) else {
        return Err(refuse("Magnum does not report its project".to_owned()));
    };
    match namespace {
        Some(other) if *other != made => {
            let what = format!("cluster {} is in namespace {made}, not {other}", one.name);
            Err(Failure::new(FailureClass::Usage, what).next("omit --namespace"))
        }
        _ => Ok(Place { namespace: made, stack, project }),
    }
}

/// Returns the project whose clusters are in the namespace: the driver makes `PREFIX-PROJECT`.
fn project_of(namespace: &Namespace) -> Result<String, Failure> {
    let project = namespace.as_str().rsplit('-').next().unwrap_or_default();
    let is = project.len() == 32 && project.bytes().all(|byte| byte.is_ascii_hexdigit());
    is.then(|| project.to_owned()).ok_or_else(|| {
        let what = format!("namespace {namespace} does not end with a project's id");
        let next = "use that of the cluster: --namespace magnum-PROJECT";
        Failure::new(FailureClass::Usage, what).next(next)
    })
}
