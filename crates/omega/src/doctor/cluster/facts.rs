//! What is known about one workload cluster.

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    definition_of,
    health::{Addon, Answer, HealthFacts, Machines, Object},
    releases::Release,
};
use omega_openstack::{
    cloud_inventory::Quota,
    container_infra::{Cluster, NodeGroup},
    identity::CredentialStatus,
};

const CORE: &str = "cluster.x-k8s.io";

/// What Magnum, Cluster API, helm, Keystone, Octavia and Neutron report about one workload cluster. A
/// value that could not be read is replaced by the reason.
#[derive(Debug)]
pub(in crate::doctor) struct ClusterFacts {
    pub(in crate::doctor) cluster: Cluster,
    pub(in crate::doctor) stack: String,
    pub(in crate::doctor) evidence: HealthFacts,
    pub(super) addons: Result<Vec<Addon>, String>,
    /// What the objects of its machines say.
    pub(super) machines: Result<Machines, String>,
    /// Its node groups in Magnum.
    pub(super) groups: Vec<NodeGroup>,
    /// Why Magnum did not list its node groups: their machines were not checked then.
    pub(super) groups_unknown: Option<String>,
    /// Its helm release, if there is one.
    pub(super) release: Result<Option<Release>, String>,
    /// Neutron's and Octavia's quotas of its project.
    pub(super) quotas: Vec<Quota>,
    /// Why some of them are not known.
    pub(super) quotas_unknown: Option<String>,
    /// What Keystone answers to its application credential; none if it has no credential.
    pub(super) credential: Result<Option<CredentialStatus>, String>,
    /// The conditions of a control plane that the driver waits for.
    pub(super) control_plane: Vec<String>,
    /// What to do if the kubeconfig that the management cluster is read with is refused.
    pub(super) renew: String,
}

impl ClusterFacts {
    /// Returns its status in Magnum, empty if it has none.
    pub(in crate::doctor) fn status(&self) -> &str {
        self.cluster.status.as_deref().unwrap_or_default()
    }

    /// Returns the namespace of its objects.
    pub(super) fn namespace(&self) -> String {
        self.evidence.names.namespace()
    }

    /// Returns its objects in the management cluster, by the paths that they were read from.
    pub(in crate::doctor) fn objects(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.evidence.answers.0.iter().filter_map(|(path, answer)| match answer {
            Answer::Object(object) => Some((path.as_str(), object)),
            Answer::Empty
            | Answer::NotAnObject
            | Answer::Status { .. }
            | Answer::Nothing { .. } => None,
        })
    }

    /// Returns the roles of its application credential, if Keystone accepts it.
    pub(super) fn roles(&self) -> Option<&[String]> {
        match self.credential.as_ref().ok()?.as_ref()? {
            CredentialStatus::Accepted(accepted) => Some(&accepted.roles),
            CredentialStatus::Refused { .. } => None,
        }
    }

    /// Returns its age at `now`.
    pub(super) fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        let created: Timestamp = self.cluster.created_at.as_deref()?.parse().ok()?;
        Some(now.duration_since(created))
    }

    /// Returns since when Magnum has been at what its status says, at the latest: it writes `updated_at`
    /// whenever something of its record changes.
    pub(super) fn in_progress_since(&self) -> Option<Timestamp> {
        let since = match self.status() {
            "CREATE_IN_PROGRESS" => &self.cluster.created_at,
            status if status.ends_with("_IN_PROGRESS") => &self.cluster.updated_at,
            _ => return None,
        };
        since.as_deref()?.parse().ok()
    }

    /// Returns how long that is at `now`.
    pub(super) fn in_progress_for(&self, now: Timestamp) -> Option<SignedDuration> {
        Some(now.duration_since(self.in_progress_since()?))
    }

    /// Whether Cluster API says that it has no such Cluster any more, at a version that it serves.
    pub(super) fn is_gone(&self) -> bool {
        let HealthFacts { served, answers, .. } = &self.evidence;
        let served = served.as_ref().and_then(|all| all.versions_of(CORE, "clusters").next());
        let is_cluster =
            |path: &str| definition_of(path).is_some_and(|name| name == format!("clusters.{CORE}"));
        let mut all = answers.0.iter().filter(|(path, _)| is_cluster(path)).peekable();
        let absent = |answer: &Answer| matches!(answer, Answer::Status { code: 404, .. });
        served.is_some() && all.peek().is_some() && all.all(|(_, answer)| absent(answer))
    }

    /// Returns how long the provider's object has had an untrue condition at `now`.
    pub(super) fn untrue_for(&self, now: Timestamp) -> Option<SignedDuration> {
        let plural = |path: &str| path.split('/').any(|part| part == "openstackclusters");
        let provider = self.objects().filter(|(path, _)| plural(path));
        let conditions =
            provider.filter_map(|(_, one)| one.status.as_ref()?.pointer("/conditions")?.as_array());
        let untrue = conditions
            .flatten()
            .filter(|one| one.get("status").and_then(serde_json::Value::as_str) != Some("True"));
        let since = untrue.filter_map(|one| one.get("lastTransitionTime")?.as_str()?.parse().ok());
        since.map(|time: Timestamp| now.duration_since(time)).max()
    }

    /// Returns when a condition of one of its objects last changed, or a machine last joined.
    pub(super) fn last_change(&self) -> Option<Timestamp> {
        let places = ["/conditions", "/v1beta2/conditions", "/deprecated/v1beta1/conditions"];
        let statuses = self.objects().filter_map(|(_, one)| one.status.as_ref());
        let lists = statuses
            .flat_map(|status| places.iter().filter_map(|place| status.pointer(place)?.as_array()));
        let time = |one: &serde_json::Value| one.get("lastTransitionTime")?.as_str()?.parse().ok();
        let joined = self.machines.as_ref().ok().and_then(|all| all.joined);
        lists.flatten().filter_map(time).chain(joined).max()
    }

    /// Returns since when one of its objects has been deleting, if one is.
    pub(super) fn deleting_since(&self) -> Option<Timestamp> {
        self.objects().filter_map(|(_, one)| one.deleted.as_deref()?.parse().ok()).min()
    }

    /// Returns whether the status of one of its objects has text at `pointer`.
    pub(super) fn has(&self, pointer: &str) -> bool {
        let text = |object: &Object| {
            let found = object.status.as_ref()?.pointer(pointer)?;
            Some(found.as_str().is_some_and(|text| !text.is_empty()))
        };
        self.objects().any(|(_, object)| text(object).unwrap_or_default())
    }
}
