//! The JSON of the Magnum API.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use omega_driver::{NamespacePrefix, StackId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{service_response::or_nothing, upstream_messages::error_sentence};

/// A cluster in Magnum's JSON. Strings, not enums, so that new values can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cluster {
    /// Its id.
    pub uuid: String,
    /// Its name, which need not be unique.
    #[serde(default, deserialize_with = "or_nothing")]
    pub name: String,
    /// The project it belongs to.
    #[serde(default, deserialize_with = "or_nothing")]
    pub project_id: Option<String>,
    /// The id of its template.
    #[serde(default, deserialize_with = "or_nothing")]
    pub cluster_template_id: String,
    /// The name that its driver uses: the helm release, or Heat's id of a stack. None until the
    /// driver has begun.
    #[serde(default, deserialize_with = "or_nothing")]
    pub stack_id: Option<String>,
    /// Its status (`CREATE_COMPLETE`).
    #[serde(default, deserialize_with = "or_nothing")]
    pub status: Option<String>,
    /// The reason, often none.
    #[serde(default, deserialize_with = "or_nothing")]
    pub status_reason: Option<String>,
    /// `HEALTHY`, `UNHEALTHY`, `UNKNOWN`; none until it was polled.
    #[serde(default, deserialize_with = "or_nothing")]
    pub health_status: Option<String>,
    /// The driver's findings for each part.
    #[serde(default, deserialize_with = "or_nothing")]
    pub health_status_reason: Option<BTreeMap<String, String>>,
    /// The Kubernetes API; `https://:0` while there is none.
    #[serde(default, deserialize_with = "or_nothing")]
    pub api_address: Option<String>,
    /// When its creation was requested, in RFC 3339.
    #[serde(default, deserialize_with = "or_nothing")]
    pub created_at: Option<String>,
    /// When Magnum last changed it, in RFC 3339; none until it did.
    #[serde(default, deserialize_with = "or_nothing")]
    pub updated_at: Option<String>,
    /// What was asked for.
    #[serde(flatten)]
    pub fields: ClusterFields,
}

/// What was asked for when a cluster was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClusterFields {
    /// The key pair of the user who logs in.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub keypair: Option<String>,
    /// Machines of the control plane.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub master_count: Option<u32>,
    /// Workers.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub node_count: Option<u32>,
    /// Its labels: those of the template, with the cluster's own.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub labels: Option<BTreeMap<String, Value>>,
    /// Those that the template has with another value, and that value.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub labels_overridden: Option<BTreeMap<String, Value>>,
    /// Those that the template has not.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_nothing")]
    pub labels_added: Option<BTreeMap<String, Value>>,
}

/// A node group of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeGroup {
    /// `default-worker`.
    pub name: String,
    /// `master`, `worker` or a role that the user chose.
    pub role: String,
    /// The desired number of nodes.
    #[serde(default)]
    pub node_count: u32,
    /// The cluster's `stack_id`, which Magnum writes here once its driver has created the cluster; none
    /// until then.
    #[serde(default)]
    pub stack_id: Option<String>,
    /// `CREATE_IN_PROGRESS`, `UPDATE_COMPLETE`...
    #[serde(default)]
    pub status: Option<String>,
}

/// A cluster template in Magnum's JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Template {
    /// Its id.
    pub uuid: String,
    /// Its name, which need not be unique.
    #[serde(default, deserialize_with = "or_nothing")]
    pub name: String,
    /// The project it belongs to.
    #[serde(default, deserialize_with = "or_nothing")]
    pub project_id: Option<String>,
    /// `flannel` or `calico`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub network_driver: Option<String>,
    /// Taken from the image's property `os_distro`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub cluster_distro: Option<String>,
    /// `kubernetes`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub coe: Option<String>,
    /// `vm` or `bm`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub server_type: Option<String>,
    /// Its labels. Magnum also accepts numbers and booleans, and returns their text: "True"
    /// (18.0.1, `objects/cluster_template.py`).
    #[serde(default, deserialize_with = "or_nothing")]
    pub labels: Option<BTreeMap<String, Value>>,
    /// Its other fields.
    #[serde(flatten)]
    pub fields: TemplateFields,
}

/// Further fields of a template: the image, the networks and the flavors as they were sent, by name or
/// id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are Magnum's")]
pub struct TemplateFields {
    #[serde(default, deserialize_with = "or_nothing")]
    pub image_id: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub external_network_id: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub flavor_id: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub master_flavor_id: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub dns_nameserver: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub keypair_id: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub fixed_network: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub fixed_subnet: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub volume_driver: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub docker_volume_size: Option<u32>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub docker_storage_driver: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub master_lb_enabled: Option<bool>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub floating_ip_enabled: Option<bool>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub tls_disabled: Option<bool>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub public: Option<bool>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub hidden: Option<bool>,
}

impl NodeGroup {
    /// Returns a node group.
    pub fn new(name: impl Into<String>, role: impl Into<String>, node_count: u32) -> Self {
        Self { name: name.into(), role: role.into(), node_count, stack_id: None, status: None }
    }
}

impl Template {
    /// Returns a template with only these fields set.
    pub fn new(uuid: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uuid: uuid.into(),
            name: name.into(),
            project_id: None,
            network_driver: None,
            cluster_distro: None,
            coe: None,
            server_type: None,
            labels: None,
            fields: TemplateFields::default(),
        }
    }

    /// Returns the field of that name in Magnum's API, if it is one that is read here.
    pub(super) fn value(&self, field: &str) -> Value {
        let all = serde_json::to_value(self).unwrap_or_default();
        all.get(field).cloned().unwrap_or_default()
    }
}

impl Cluster {
    /// Returns a cluster with only these fields set.
    pub fn new(
        uuid: impl Into<String>,
        name: impl Into<String>,
        cluster_template_id: impl Into<String>,
    ) -> Self {
        Self {
            uuid: uuid.into(),
            name: name.into(),
            project_id: None,
            cluster_template_id: cluster_template_id.into(),
            stack_id: None,
            status: None,
            status_reason: None,
            health_status: None,
            health_status_reason: None,
            api_address: None,
            created_at: None,
            updated_at: None,
            fields: ClusterFields::default(),
        }
    }

    /// Returns its driver's name for it; none until the driver has begun.
    pub fn stack(&self) -> Option<StackId> {
        StackId::new(self.stack_id.as_deref()?)
    }

    /// Returns whether it belongs to the magnum-capi-helm driver, by the rule with which that driver
    /// names it. The ids of other drivers' clusters (`kube-7xk2p`, a Heat stack) don't follow it.
    pub fn is_capi(&self) -> bool {
        self.stack().is_some_and(|stack| stack.is_helm_release() && stack.can_be_of(&self.name))
    }

    /// Returns whether another driver has begun with it.
    pub fn is_of_another_driver(&self) -> bool {
        self.stack().is_some() && !self.is_capi()
    }

    /// Returns the namespace of its helm release, for the driver's option `namespace_prefix`.
    pub fn helm_namespace(&self, prefix: &NamespacePrefix) -> Option<String> {
        Some(prefix.namespace(self.project_id.as_deref()?))
    }

    /// Returns whether Magnum polls its health in this status.
    ///
    /// magnum 18.0.1, service/periodic.py, `sync_cluster_health_status`.
    pub fn is_polled(&self) -> bool {
        let polled =
            ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"];
        self.status.as_deref().is_some_and(|status| polled.contains(&status))
    }

    /// Returns whether Magnum is creating it.
    pub fn is_being_created(&self) -> bool {
        self.status.as_deref() == Some("CREATE_IN_PROGRESS")
    }

    /// Returns whether it was asked for less than `age` before `now`.
    pub(super) fn is_younger(&self, age: SignedDuration, now: Timestamp) -> bool {
        let created = self.created_at.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        created.is_some_and(|created| now.duration_since(created) < age)
    }

    /// Returns when Magnum last changed it.
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.updated_at.as_deref()?.parse().ok()
    }

    /// Returns whether its creation failed.
    pub fn is_create_failed(&self) -> bool {
        self.status.as_deref() == Some("CREATE_FAILED")
    }

    /// Returns whether Magnum is deleting it.
    pub fn is_being_deleted(&self) -> bool {
        self.status.as_deref() == Some("DELETE_IN_PROGRESS")
    }

    /// Returns whether Magnum's last operation on it failed.
    pub fn has_failed(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.ends_with("_FAILED"))
    }

    /// Returns its status, with the reason if there is one.
    pub fn status_text(&self) -> String {
        let status = self.status.as_deref().unwrap_or("without a status");
        match self.status_reason.as_deref().filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("{status}: {}", error_sentence(reason)),
            None => status.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(stack_id: Option<&str>) -> Cluster {
        Cluster {
            project_id: Some("47F96049-4aa7".into()),
            stack_id: stack_id.map(str::to_owned),
            status: Some("CREATE_FAILED".into()),
            ..Cluster::new("u", "c", "t")
        }
    }

    #[test]
    fn a_helm_release_is_told_from_a_heat_stack() {
        let of = |name: &str, stack| Cluster { name: name.into(), ..cluster(Some(stack)) };
        assert!(of("c9", "c9-cyusd2b67a45").is_capi());
        assert!(!cluster(Some("49dc23f5-ffc9-40c3-9d34-7be7f9e34d63")).is_capi());
        assert!(!cluster(None).is_capi(), "no driver has begun");
        let shape = "zzzzzzzz-ffc9-40c3-9d34-7be7f9e34d63";
        let shaped = of("zzzzzzzz-ffc9-40c3-9d34", shape);
        assert!(shaped.is_capi(), "a release may have a UUID's shape");
        // Another driver's: vexxhost/magnum-cluster-api, utils.py, generate_cluster_api_name.
        let other = of("old", "kube-7xk2p");
        assert!(!other.is_capi() && other.is_of_another_driver());
        assert!(!of("c8", "c9-cyusd2b67a45").is_capi(), "named after another cluster");
        assert!(!cluster(None).is_of_another_driver(), "no driver has begun");
    }

    #[test]
    fn the_sentence_that_matters_is_told() {
        let helm = "Unexpected error while running command.\nCommand: helm upgrade c9\nStderr: 'W1121 deprecated\nError: UPGRADE FAILED: no matches for kind \"Cluster\"\n'";
        let failed = Cluster { status_reason: Some(helm.into()), ..cluster(None) };
        insta::assert_snapshot!(failed.status_text(), @r#"CREATE_FAILED: Error: UPGRADE FAILED: no matches for kind "Cluster""#);
    }
}
