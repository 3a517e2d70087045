//! What is known about one workload cluster.

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    health::{Addon, Answer, HealthFacts, MachineFault, Object},
    releases::Release,
};
use omega_openstack::{
    cloud_inventory::Quota, container_infra::Cluster, identity::CredentialStatus,
};

/// What Magnum, Cluster API, helm, Keystone, Octavia and Neutron report about one workload cluster. A
/// value that could not be read is replaced by the reason.
#[derive(Debug)]
pub(in crate::doctor) struct ClusterFacts {
    pub(in crate::doctor) cluster: Cluster,
    pub(in crate::doctor) stack: String,
    pub(in crate::doctor) evidence: HealthFacts,
    pub(super) addons: Result<Vec<Addon>, String>,
    /// What the objects of its machines say is wrong.
    pub(super) machines: Result<Vec<MachineFault>, String>,
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

    /// Returns how long its update has been going on at `now`.
    pub(super) fn updating_for(&self, now: Timestamp) -> Option<SignedDuration> {
        let updated: Timestamp = self.cluster.updated_at.as_deref()?.parse().ok()?;
        Some(now.duration_since(updated))
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
