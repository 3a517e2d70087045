//! Ensures that a workload cluster does not exist.

use std::time::Duration;

use jiff::Timestamp;
use omega_capi::{
    coherence::delete_unsafe,
    credentials::read_cluster_credentials,
    served::{discover_versions, read_served_apis},
    stuck::read_deletion,
};
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Finding, Note, Outcome, PollPolicy,
    Subject, ensure,
};
use omega_openstack::{
    container_infra::{Cluster, ClusterDeletion, ClusterObserved, DeleteCluster},
    identity::CredentialStatus,
};
use serde::{Deserialize, Serialize};

use super::{ClusterError, ClusterSite, DriverSettings};
use crate::stuck_delete::own_credential;

/// That the project has no cluster of the name: Magnum's driver deletes it, with its machines, its trust
/// and its application credential.
///
/// # Guarantees
///
/// Before the request is sent, the delete is checked: the management cluster serves the version at which
/// the driver looks for the cluster (otherwise Magnum forgets the cluster, and all of it stays), and
/// Keystone accepts the cluster's own application credential (otherwise its controllers can't remove
/// what they made, and the delete never ends). A cluster of which nothing is in Cluster API needs no
/// credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AbsentCluster {
    /// Its name.
    pub name: String,
    /// The delete.
    pub delete: DeleteCluster,
    /// How long the delete may take, in seconds.
    pub within: u64,
    /// How the conductor's driver is configured.
    #[serde(default)]
    pub driver: DriverSettings,
}

/// Deletes the cluster if it exists and this is safe, and returns once Magnum does not know it any more.
/// [`cluster_leftovers`] then looks for what it left.
///
/// ```no_run
/// # use omega::cluster::*;
/// # async fn f(ctx: &omega::core::Context, site: &ClusterSite) -> Result<(), Box<dyn std::error::Error>> {
/// let gone = AbsentCluster::named("capi-test-1", DriverSettings::default());
/// let done = ensure_cluster_absent(ctx, site, &gone).await?;
/// println!("deleted: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses several clusters of the name, and a delete that is not safe.
///
/// [`cluster_leftovers`]: super::cluster_leftovers
pub async fn ensure_cluster_absent(
    ctx: &Context,
    site: &ClusterSite,
    cluster: &AbsentCluster,
) -> Result<Outcome<AbsentClusterObserved>, EnsureError<ClusterError>> {
    ensure(ctx, site, cluster).await
}

/// The clusters of the name, and whether a delete is safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AbsentClusterObserved {
    /// The project's clusters of the name.
    pub seen: ClusterObserved,
    /// Why the cluster must not be deleted now: the first reason.
    pub unsafe_delete: Option<Finding>,
}

impl AbsentCluster {
    /// Returns the fact that no cluster has the name. A failed delete is repeated.
    pub fn named(name: impl Into<String>, driver: DriverSettings) -> Self {
        let name = name.into();
        let delete = DeleteCluster::named(&name);
        Self { name, delete, within: 15 * 60, driver }
    }

    /// Returns the fact that this cluster is gone; others of its name stay.
    pub fn of(cluster: &Cluster, driver: DriverSettings) -> Self {
        let delete = DeleteCluster::of(cluster);
        Self { delete, ..Self::named(&cluster.name, driver) }
    }

    /// Returns the fact about a cluster that was requested at the time `after`: it may still appear.
    pub(super) fn asked_for(name: &str, after: Timestamp, driver: DriverSettings) -> Self {
        Self { delete: DeleteCluster::asked_for(name, after), ..Self::named(name, driver) }
    }
}

impl Desired for AbsentCluster {
    const KIND: &'static str = "openstack.no-cluster.v2";
    type Target = ClusterSite;
    type Observed = AbsentClusterObserved;
    type Change = ClusterDeletion;
    type Undo = Self;
    type Error = ClusterError;

    fn subject(&self) -> Subject {
        self.delete.subject()
    }

    fn key(&self) -> String {
        self.delete.key()
    }

    async fn observe(&self, site: &ClusterSite) -> Result<AbsentClusterObserved, ClusterError> {
        let seen = site.magnum.clusters_to_delete(&self.name).await?;
        let unsafe_delete = match self.delete.cluster(&seen) {
            Some(cluster) if !cluster.is_being_deleted() => {
                reason_not_to_delete(site, &self.driver, cluster).await?
            }
            _ => None,
        };
        Ok(AbsentClusterObserved { seen, unsafe_delete })
    }

    fn diff(&self, seen: &AbsentClusterObserved) -> Result<Delta<ClusterDeletion>, Conflict> {
        let delta = self.delete.diff(&seen.seen).map_err(|conflict| {
            let ids: Vec<_> = seen.seen.clusters.iter().map(|one| one.uuid.as_str()).collect();
            match ids.as_slice() {
                [] | [_] => conflict,
                _ => Conflict::new(conflict.why, "give the id of one: --cluster ID")
                    .seen("one cluster", ids.join(", ")),
            }
        })?;
        match (&delta, &seen.unsafe_delete) {
            (Delta::Changes(_), Some(finding)) => {
                let next = finding.remedy.clone().unwrap_or_default();
                Err(Conflict::new(&finding.summary, next))
            }
            _ => Ok(delta),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        site: &ClusterSite,
        change: &ClusterDeletion,
    ) -> Result<(), ClusterError> {
        Ok(change.send(&site.magnum).await?)
    }

    fn notes(&self, seen: &AbsentClusterObserved, _: Timestamp) -> Vec<Note> {
        let is_none = seen.seen.clusters.is_empty();
        let note = || Note::new(format!("the project has no cluster {}", self.name));
        is_none.then(note).into_iter().collect()
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(5), Duration::from_secs(self.within))
    }
}

/// Returns why the cluster must not be deleted now, if it must not.
async fn reason_not_to_delete(
    site: &ClusterSite,
    driver: &DriverSettings,
    cluster: &Cluster,
) -> Result<Option<Finding>, ClusterError> {
    let subject = || Subject::new("delete", format!("of {}", cluster.name));
    let broken = |rule: &str, why: String| Finding::broken(rule, subject(), why);
    let Some(stack) = cluster.stack_id.as_deref().filter(|_| cluster.is_capi()) else {
        // The driver has not begun with it, or it is another driver's.
        return Ok(None);
    };
    let (Some(management), Some(namespace)) = (&site.management, driver.namespace(cluster)) else {
        let why = "whether the delete is safe can't be checked without the management cluster";
        let next = "name its kubeconfig in the site file: `kubeconfig` in [management]";
        return Ok(Some(broken("unchecked-delete", why.to_owned()).remedy(next)));
    };
    let apis = read_served_apis(management).await?;
    if let Some(finding) = delete_unsafe(&apis, &driver.combination) {
        return Ok(Some(finding));
    }
    let served = discover_versions(management).await?;
    if read_deletion(management, &served, &namespace, stack).await?.held.is_empty() {
        // Nothing of it is in Cluster API, so that no controller needs the credential.
        return Ok(None);
    }
    let secret = format!("{namespace}/{stack}-cloud-credentials");
    let released = format!(
        "delete it with openstack coe cluster delete {}, then give it a credential: omega-cli \
         release-stuck-delete --cluster {stack} --credential-from FILE",
        cluster.uuid
    );
    let Some(found) = read_cluster_credentials(management, &namespace, stack).await? else {
        let why = format!("there is no secret {secret}: no controller can finish the delete");
        return Ok(Some(broken("cluster-credential", why).remedy(released)));
    };
    let asked = own_credential(&site.login, &found.clouds, found.cacert.as_ref(), &secret).await;
    match asked.map_err(|failure| ClusterError::Credential(Box::new(failure)))?.0 {
        CredentialStatus::Accepted(_) => Ok(None),
        CredentialStatus::Refused { words } => {
            let why = format!(
                "Keystone refuses the application credential in {secret}: the delete would not end"
            );
            let finding = broken("cluster-credential", why).shown_by([Evidence::sentence(words)]);
            Ok(Some(finding.remedy(released)))
        }
    }
}
