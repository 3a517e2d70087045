//! What a deleted cluster left behind.

use std::sync::Arc;

use omega_capi::{
    Namespace,
    served::discover_versions,
    stuck::{HeldObject, read_deletion},
    workload::{choose_cluster, list_clusters},
};
use omega_core::{Delta, Desired as _, Evidence, Finding, Severity, Subject, chain};
use omega_openstack::{
    ClusterName,
    block_storage::{ClusterVolume, cluster_volumes},
    container_infra::Cluster,
    identity::application_credentials_of,
    load_balancer::{LoadBalancers, RemoveClusterBalancers},
    network::{Network, Remaining, RemoveClusterNetwork},
};
use serde::{Deserialize, Serialize};

use super::{ClusterError, ClusterSite, DriverSettings};

/// Where a cluster's objects are. It is found before the cluster is deleted: afterwards Magnum does not
/// know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterPlace {
    /// Its name in Magnum.
    pub name: String,
    /// Its id in Magnum; none if Magnum does not know it any more.
    pub id: Option<String>,
    /// Its namespace on the management cluster.
    pub namespace: Namespace,
    /// Magnum's `stack_id`: the name of the Cluster.
    pub stack: String,
}

impl ClusterPlace {
    /// Finds the clusters with the name or id in Magnum that the driver has begun with. If Magnum knows
    /// none, those of the name that are left in Cluster API.
    ///
    /// # Errors
    ///
    /// Fails if Magnum or the management cluster does not answer.
    pub async fn find(
        site: &ClusterSite,
        driver: &DriverSettings,
        name_or_id: &str,
    ) -> Result<Vec<Self>, ClusterError> {
        let known = site.magnum.find_clusters(name_or_id).await?;
        if !known.is_empty() {
            return Ok(known.iter().filter_map(|one| Self::of(one, driver)).collect());
        }
        let Some(management) = &site.management else { return Ok(Vec::new()) };
        let namespace = driver.prefix.namespace(&site.magnum.project_id().await?);
        let served = discover_versions(management).await?;
        if served.versions_of("cluster.x-k8s.io", "clusters").next().is_none() {
            return Ok(Vec::new());
        }
        let all = list_clusters(management, &served).await?;
        let chosen = choose_cluster(all, &format!("{namespace}/{name_or_id}"));
        let chosen = chosen.map_or_else(|none| none.matches, |one| vec![one]);
        let place = |one: omega_capi::workload::ClusterName| Self {
            name: name_or_id.to_owned(),
            id: None,
            namespace: one.namespace,
            stack: one.name.to_string(),
        };
        Ok(chosen.into_iter().map(place).collect())
    }

    fn of(cluster: &Cluster, driver: &DriverSettings) -> Option<Self> {
        let stack = cluster.stack_id.clone().filter(|_| cluster.is_capi())?;
        let (name, id) = (cluster.name.clone(), Some(cluster.uuid.clone()));
        Some(Self { name, id, namespace: driver.namespace(cluster)?, stack })
    }

    fn mark(&self) -> ClusterName {
        ClusterName::new(self.namespace.as_str(), &self.stack)
    }

    /// The command that removes what is left of it in Neutron and Octavia.
    fn release(&self) -> String {
        let Self { namespace, stack, .. } = self;
        format!("omega-cli release-stuck-delete --cluster {stack} --namespace {namespace}")
    }
}

/// Looks for what the deleted cluster left in Cluster API, Octavia, Neutron, Cinder and Keystone, and
/// says what to run. It only reads. What can't be read is a finding too.
///
/// # Caveats
///
/// In Keystone only the application credentials of the login's own user can be seen. Magnum leaves two
/// certificate authorities of each cluster in Barbican, in a project of its own, which are not looked
/// for.
pub async fn cluster_leftovers(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    let (objects, balancers, network, volumes, credentials) = futures::join!(
        objects(site, place),
        balancers(site, place),
        network(site, place),
        volumes(site, place),
        credentials(site, place),
    );
    [objects, balancers, network, volumes, credentials].concat()
}

/// `what`: what is to be said of the resource.
fn left(rule: &str, noun: &str, id: &str, name: &str, what: &str) -> Finding {
    let summary = format!("{noun} {name} ({id}) {what}");
    Finding::broken(rule, Subject::new(noun, name), summary)
        .severity(Severity::Warning)
        .shown_by([Evidence::text("id", id)])
}

fn unread(
    rule: &str,
    place: &ClusterPlace,
    error: &(dyn std::error::Error + 'static),
) -> Vec<Finding> {
    let why = chain(error).join(": ");
    let what = format!("what is left of cluster {} could not be read: {why}", place.name);
    let finding = Finding::broken(rule, Subject::new("cluster", &place.name), what);
    let finding = finding.severity(Severity::Unknown);
    vec![finding.remedy("run this again when the service answers")]
}

async fn objects(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    const RULE: &str = "leftover-cluster-api";
    let Some(management) = &site.management else { return Vec::new() };
    let read = async {
        let served = discover_versions(management).await?;
        read_deletion(management, &served, &place.namespace, &place.stack).await
    };
    let ClusterPlace { namespace, stack, .. } = place;
    let finding = |HeldObject { object, deleted, finalizers }: HeldObject| {
        let (severity, summary, remedy) = match deleted {
            Some(since) => (
                Severity::Waiting,
                format!("{object} is being deleted since {since}"),
                format!("wait; if it does not end: {}", place.release()),
            ),
            None => (
                Severity::Broken,
                format!(
                    "{object} is there, and nobody deletes it: Magnum has forgotten the cluster"
                ),
                format!(
                    "kubectl -n {namespace} delete clusters.cluster.x-k8s.io {stack}; then {} \
                     --credential-from FILE, as its own credential is gone",
                    place.release()
                ),
            ),
        };
        let subject = Subject::new(&object.kind, format!("{namespace}/{}", object.name));
        let finding = Finding::broken(RULE, subject, summary).severity(severity).remedy(remedy);
        finding
            .shown_by([Evidence::text("id", object.uid), Evidence::list("finalizers", finalizers)])
    };
    match read.await {
        Ok(deletion) => deletion.held.into_iter().map(finding).collect(),
        Err(error) => unread(RULE, place, &error),
    }
}

async fn balancers(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    const RULE: &str = "leftover-load-balancer";
    let octavia = LoadBalancers::new(Arc::clone(&site.cloud));
    let desired = RemoveClusterBalancers { cluster: place.mark() };
    let seen = match desired.observe(&octavia).await {
        Ok(seen) => seen,
        Err(error) => return unread(RULE, place, &error),
    };
    let one = |id: &str, name: &str, summary: &str| {
        left(RULE, "load balancer", id, name, summary).remedy(place.release())
    };
    match desired.diff(&seen) {
        Ok(Delta::Wait(busy)) => {
            let subject = Subject::new("load balancers", format!("of {}", place.mark()));
            let finding = Finding::broken(RULE, subject, busy).severity(Severity::Waiting);
            vec![finding.remedy(format!("wait for Octavia; then {}", place.release()))]
        }
        Ok(delta) => {
            let all = delta.changes().iter();
            all.map(|found| one(&found.id, &found.name, "was left in Octavia")).collect()
        }
        Err(conflict) => unread(RULE, place, &conflict),
    }
}

async fn network(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    const RULE: &str = "leftover-network";
    let neutron = Network::new(Arc::clone(&site.cloud));
    let desired = RemoveClusterNetwork { cluster: place.mark() };
    let seen = match desired.observe(&neutron).await {
        Ok(seen) => seen,
        Err(error) => return unread(RULE, place, &error),
    };
    let delta = match desired.diff(&seen) {
        Ok(delta) => delta,
        Err(conflict) => return unread(RULE, place, &conflict),
    };
    let removable = delta.changes().iter().map(|one| {
        let noun = one.resource.to_string();
        left(RULE, &noun, &one.id, &one.name, "was left in Neutron").remedy(place.release())
    });
    let kept =
        desired.remaining(&seen).into_iter().map(|Remaining { noun, id, name, why, .. }| {
            let summary = format!("was left in Neutron, and something else uses it: {why}");
            let remedy =
                format!("remove what uses it, if nobody needs it; then {}", place.release());
            left(RULE, &noun, &id, &name, &summary).remedy(remedy)
        });
    removable.chain(kept).collect()
}

async fn volumes(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    const RULE: &str = "leftover-volume";
    let found = match cluster_volumes(&*site.cloud, &place.mark()).await {
        Ok(found) => found,
        Err(error) => return unread(RULE, place, &error),
    };
    let one = |ClusterVolume { id, name, size, status, claim, .. }: ClusterVolume| {
        let of = claim.map(|claim| format!(" of claim {claim}")).unwrap_or_default();
        let summary =
            format!("of {size} GiB{of} is {status}: a delete keeps the data of persistent volumes");
        let remedy = format!("if nobody needs the data: openstack volume delete {id}");
        left(RULE, "volume", &id, &name, &summary).remedy(remedy)
    };
    found.into_iter().map(one).collect()
}

async fn credentials(site: &ClusterSite, place: &ClusterPlace) -> Vec<Finding> {
    const RULE: &str = "leftover-credential";
    let Some(id) = &place.id else { return Vec::new() };
    // magnum-capi-helm: `magnum-UUID`, from 1.4.0 on with 8 hexadecimal digits behind it.
    let found = match application_credentials_of(&*site.cloud, &format!("magnum-{id}")).await {
        Ok(found) => found,
        Err(error) => return unread(RULE, place, &error),
    };
    let one = |found: omega_openstack::Name| {
        let summary = "was left in Keystone: it is the cluster's application credential";
        let remedy = format!("openstack application credential delete {}", found.id);
        left(RULE, "credential", &found.id, &found.name, summary).remedy(remedy)
    };
    found.into_iter().map(one).collect()
}
