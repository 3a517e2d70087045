//! Ensures that a workload cluster exists and is complete.

use std::time::Duration;

use jiff::Timestamp;
use omega_capi::{
    health::{Creation, StageTime, read_creation},
    served::discover_versions,
};
use omega_core::{
    Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Outcome, PollPolicy, Subject,
    chain, ensure, shell_word,
};
use omega_openstack::container_infra::{
    Cluster, ClusterCreation, ClusterDeletion, ClusterObserved, ClusterValues, FieldDifference,
};
use serde::{Deserialize, Serialize};

use super::{AbsentCluster, ClusterError, ClusterSite, DriverSettings};

/// That the project has one cluster of the name, with these values, and that its creation is complete.
///
/// # Guarantees
///
/// The request is sent once. Magnum answers before it stores the cluster, and a second request would
/// make a second cluster: after `asked_after` a cluster that is not there yet is waited for.
///
/// A cluster that is there is never changed. One whose creation failed is deleted and created again only
/// if `retry` is set and helm had not made it: Magnum's node groups do not name a release, and Cluster
/// API does not know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnsuredCluster {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: ClusterValues,
    /// How long a creation may take, in seconds.
    pub within: u64,
    /// Whether a creation that failed before helm made the cluster is repeated.
    pub retry: bool,
    /// When an earlier run sent the request, if its effect was not observed.
    #[serde(default)]
    pub asked_after: Option<Timestamp>,
    /// How the conductor's driver is configured.
    #[serde(default)]
    pub driver: DriverSettings,
}

/// Creates the cluster if it does not exist, and returns once it is complete.
///
/// ```no_run
/// # use omega::{cluster::*, openstack::container_infra::ClusterValues};
/// # async fn f(ctx: &omega::core::Context, site: &ClusterSite, values: ClusterValues) -> Result<(), Box<dyn std::error::Error>> {
/// let done = ensure_cluster(ctx, site, &EnsuredCluster::new("capi-test-1", values)).await?;
/// let cluster = done.into_observed();
/// for stage in cluster.timeline() {
///     println!("{}: {} s", stage.stage, stage.seconds);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a cluster with other values, several of the name, and one whose creation failed. At the
/// deadline it says what is missing; the cluster stays.
pub async fn ensure_cluster(
    ctx: &Context,
    site: &ClusterSite,
    cluster: &EnsuredCluster,
) -> Result<Outcome<EnsuredClusterObserved>, EnsureError<ClusterError>> {
    ensure(ctx, site, cluster).await
}

/// The clusters of the name, and how far the creation of the only one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnsuredClusterObserved {
    /// The project's clusters of the name.
    pub seen: ClusterObserved,
    /// The ids of the templates with the template's name or id.
    pub templates: Vec<String>,
    /// Whether helm may have made something of a cluster whose creation failed.
    pub has_begun: bool,
    /// What Cluster API says, if the management cluster is connected and knows the cluster.
    pub creation: Option<Creation>,
    /// Why Cluster API could not be asked, if so.
    pub unknown: Option<String>,
}

/// One write to Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClusterChange {
    /// The cluster whose creation failed is deleted.
    Delete(ClusterDeletion),
    /// It is created.
    Create(ClusterCreation),
}

const DOCTOR: &str = "omega-cli doctor --cluster";

impl EnsuredCluster {
    /// Returns the cluster, with a deadline of 30 minutes and release 1.4.0 of the driver.
    pub fn new(name: impl Into<String>, values: ClusterValues) -> Self {
        Self {
            name: name.into(),
            values,
            within: 30 * 60,
            retry: false,
            asked_after: None,
            driver: DriverSettings::default(),
        }
    }

    fn create(&self, template: &str) -> ClusterChange {
        ClusterChange::Create(self.values.creation(&self.name, template).into())
    }

    fn template<'a>(&self, seen: &'a EnsuredClusterObserved) -> Result<&'a str, Conflict> {
        let name = &self.values.template;
        match seen.templates.as_slice() {
            [one] => Ok(one),
            [] => {
                let why = format!("there is no cluster template {name:?}");
                let next = format!(
                    "create it: omega-cli ensure-cluster-template --name {}",
                    shell_word(name)
                );
                Err(Conflict::no_such(why, next))
            }
            many => {
                let why = format!("{} cluster templates have the name {name:?}", many.len());
                Err(Conflict::new(why, "use its id").seen("one template", many.join(", ")))
            }
        }
    }

    fn of_one(
        &self,
        one: &Cluster,
        template: &str,
        seen: &EnsuredClusterObserved,
    ) -> Result<Delta<ClusterChange>, Conflict> {
        let status = one.status.as_deref().unwrap_or_default();
        if one.is_being_deleted() {
            return Ok(Delta::Wait(format!("it is being deleted: {}", one.status_text())));
        }
        if one.is_create_failed() {
            return self.failed(one, template, seen);
        }
        let differences = self.values.differences(one, template);
        if !differences.is_empty() {
            return Err(self.differs(one, &differences));
        }
        if status.ends_with("_FAILED") {
            let next = format!("find the reason: {DOCTOR} {}", self.name);
            return Err(Conflict::new(one.status_text(), next));
        }
        if status.ends_with("_COMPLETE") {
            return Ok(Delta::Satisfied);
        }
        Ok(Delta::Wait(seen.progress(one)))
    }

    fn failed(
        &self,
        one: &Cluster,
        template: &str,
        seen: &EnsuredClusterObserved,
    ) -> Result<Delta<ClusterChange>, Conflict> {
        let name = &self.name;
        let why = one.status_text();
        if seen.has_begun {
            let next = format!(
                "find the reason: {DOCTOR} {name}; then omega-cli ensure-cluster-absent --cluster {name}, and again"
            );
            return Err(Conflict::new(why, next));
        }
        if self.retry {
            let delete = ClusterChange::Delete(one.into());
            return Ok(Delta::Changes(vec![delete, self.create(template)]));
        }
        let next = format!(
            "it failed before helm made anything: --retry deletes it and creates it again; \
             {DOCTOR} {name} tells more"
        );
        Err(Conflict::new(why, next))
    }

    fn differs(&self, one: &Cluster, differences: &[FieldDifference]) -> Conflict {
        let name = &self.name;
        let why = format!("cluster {name} ({}) has other values", one.uuid);
        let values: Vec<_> = differences.iter().flat_map(FieldDifference::values).collect();
        let only_nodes = matches!(values.as_slice(), [(field, ..)] if field == "node_count");
        let next = if only_nodes {
            format!("openstack coe cluster resize {name} {}", self.values.node_count)
        } else {
            "choose another name, or give the values that it has".to_owned()
        };
        let shown = |of: fn(&(String, String, String)) -> &String| {
            let all = values.iter().map(|value| format!("{} {}", value.0, of(value)));
            all.collect::<Vec<_>>().join(", ")
        };
        Conflict::new(why, next).seen(shown(|value| &value.2), shown(|value| &value.1))
    }
}

impl EnsuredClusterObserved {
    /// Returns how long each stage of the creation took, as Cluster API says; empty without it.
    ///
    /// The last stage ends when Magnum last changed the cluster. Its first health poll changes it once
    /// more, and so does each change of the health: later, the last stage is too long.
    pub fn timeline(&self) -> Vec<StageTime> {
        let cluster = self.seen.clusters.first();
        let complete = cluster.filter(|one| one.status.as_deref() == Some("CREATE_COMPLETE"));
        let complete = complete.and_then(Cluster::changed_at);
        self.creation.as_ref().map(|one| one.timeline(complete)).unwrap_or_default()
    }

    /// How far it is: `CREATE_IN_PROGRESS, stage 2 of 4, control plane: ...`.
    fn progress(&self, one: &Cluster) -> String {
        let status = one.status_text();
        let Some(creation) = &self.creation else {
            let release = one.stack_id.as_deref().map(|stack| format!(", release {stack}"));
            return format!("{status}{}", release.unwrap_or_default());
        };
        let all = creation.stages.len();
        match creation.current() {
            Some(current) => {
                let before = creation.stages.iter().take_while(|one| one.reached).count();
                format!("{status}, stage {} of {all}, {current}", before + 1)
            }
            None => format!("{status}, all stages are reached"),
        }
    }
}

impl Desired for EnsuredCluster {
    const KIND: &'static str = "openstack.cluster.v2";
    type Target = ClusterSite;
    type Observed = EnsuredClusterObserved;
    type Change = ClusterChange;
    type Undo = AbsentCluster;
    type Error = ClusterError;

    fn subject(&self) -> Subject {
        Subject::new("cluster", &self.name)
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, site: &ClusterSite) -> Result<EnsuredClusterObserved, ClusterError> {
        let magnum = &site.magnum;
        let (seen, templates) = futures::try_join!(
            magnum.clusters_named(&self.name),
            magnum.template_ids(&self.values.template),
        )?;
        let (has_begun, creation, unknown) = (false, None, None);
        let mut observed = EnsuredClusterObserved { seen, templates, has_begun, creation, unknown };
        let [one] = observed.seen.clusters.as_mut_slice() else { return Ok(observed) };
        // Only this answer says which labels are the cluster's own.
        let Some(whole) = magnum.cluster(&one.uuid).await? else {
            observed.seen.clusters.clear();
            return Ok(observed);
        };
        *one = whole;
        match creation_of(site, &self.driver, one).await {
            Ok(creation) => observed.creation = creation,
            // Magnum alone decides about a cluster that has not failed.
            Err(error) if one.is_create_failed() => return Err(error.into()),
            Err(error) => observed.unknown = Some(chain(&error).join(": ")),
        }
        if one.is_create_failed() {
            observed.has_begun = observed.creation.is_some() || magnum.is_handed_over(one).await?;
        }
        Ok(observed)
    }

    fn diff(&self, seen: &EnsuredClusterObserved) -> Result<Delta<ClusterChange>, Conflict> {
        match seen.seen.clusters.as_slice() {
            [] if seen.seen.may_still_appear(self.asked_after) => {
                Ok(Delta::Wait("an earlier run asked for it, and it may still appear".to_owned()))
            }
            [] => Ok(Delta::Changes(vec![self.create(self.template(seen)?)])),
            [one] => self.of_one(one, self.template(seen)?, seen),
            many => {
                let ids: Vec<_> = many.iter().map(|one| one.uuid.as_str()).collect();
                let why = format!("{} clusters have the name {:?}", many.len(), self.name);
                let next = "delete the one that nobody needs, by its id: omega-cli \
                            ensure-cluster-absent --cluster ID";
                Err(Conflict::new(why, next).seen("one cluster", ids.join(", ")))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        site: &ClusterSite,
        change: &ClusterChange,
    ) -> Result<(), ClusterError> {
        match change {
            ClusterChange::Delete(deletion) => deletion.send(&site.magnum).await?,
            ClusterChange::Create(creation) => creation.send(&site.magnum).await?,
        }
        Ok(())
    }

    /// A cluster that took the place of one whose creation had failed is not undone: the failed one
    /// can't be restored.
    fn undo(&self, before: &EnsuredClusterObserved) -> Option<AbsentCluster> {
        let none = before.seen.clusters.is_empty();
        let driver = self.driver.clone();
        none.then(|| AbsentCluster::asked_for(&self.name, before.seen.at, driver))
    }

    /// The failed cluster must be gone before its name is used again.
    fn verifies_each_change(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(10), Duration::from_secs(self.within))
    }
}

async fn creation_of(
    site: &ClusterSite,
    driver: &DriverSettings,
    cluster: &Cluster,
) -> Result<Option<Creation>, omega_capi::Error> {
    let stack = cluster.stack_id.as_deref();
    let (Some(management), Some(namespace), Some(stack)) =
        (&site.management, driver.namespace(cluster), stack)
    else {
        return Ok(None);
    };
    let served = discover_versions(management).await?;
    read_creation(management, &served, &namespace, stack).await
}

impl Describe for ClusterChange {
    fn describe(&self) -> Diff {
        match self {
            Self::Delete(deletion) => deletion.describe(),
            Self::Create(creation) => creation.describe(),
        }
    }
}
