//! The JSON of the Magnum API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::upstream_messages::error_sentence;

/// A cluster as Magnum tells of it. Strings, not enums: what is new is still read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id.
    pub uuid: String,
    /// Its name, which several may have.
    pub name: String,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: Option<String>,
    /// The id of its template.
    pub cluster_template_id: String,
    /// What its driver calls it: the helm release, or Heat's id of a stack. None until the driver
    /// has begun.
    pub stack_id: Option<String>,
    /// What Magnum is doing with it (`CREATE_COMPLETE`).
    pub status: Option<String>,
    /// Why, often none.
    pub status_reason: Option<String>,
    /// `HEALTHY`, `UNHEALTHY`, `UNKNOWN`; none until it was polled.
    pub health_status: Option<String>,
    /// What the driver found, part by part.
    #[serde(default)]
    pub health_status_reason: Option<BTreeMap<String, String>>,
    /// The Kubernetes API; `https://:0` while there is none.
    pub api_address: Option<String>,
    /// When it was asked for, in RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// A node group of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroup {
    /// `default-worker`.
    pub name: String,
    /// `master`, `worker` or the user's own word.
    pub role: String,
    /// How many nodes it is to have.
    #[serde(default)]
    pub node_count: u32,
}

/// A cluster template as Magnum tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its id.
    pub uuid: String,
    /// Its name, which several may have.
    pub name: String,
    /// `flannel` or `calico`.
    pub network_driver: Option<String>,
    /// Taken from the image's property `os_distro`.
    pub cluster_distro: Option<String>,
    /// `kubernetes`.
    pub coe: Option<String>,
    /// `vm` or `bm`.
    #[serde(default)]
    pub server_type: Option<String>,
    /// Its labels. Magnum takes numbers and truth values too, and gives back what it was given.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, serde_json::Value>>,
}

impl Cluster {
    /// Returns whether the magnum-capi-helm driver has it: its `stack_id` is the name of a helm
    /// release, where that of a Heat driver is a UUID.
    ///
    /// magnum-capi-helm 1.4.0, driver.py: `f"{trimmed_name}-{random_bit}"`, 12 random letters.
    pub fn is_capi(&self) -> bool {
        self.stack_id.as_deref().is_some_and(|id| !is_uuid(id))
    }

    /// Returns the namespace of its helm release, for the driver's option `namespace_prefix`.
    ///
    /// magnum-capi-helm 1.4.0, `driver_utils.py`, `cluster_namespace`.
    pub fn helm_namespace(&self, prefix: &str) -> Option<String> {
        let project = self.project_id.as_deref()?.to_ascii_lowercase();
        let sane: String = project.chars().filter(char::is_ascii_alphanumeric).collect();
        Some(format!("{prefix}-{sane}"))
    }

    /// Returns whether Magnum polls its health in this status.
    ///
    /// magnum 18.0.1, service/periodic.py, `sync_cluster_health_status`.
    pub fn is_polled(&self) -> bool {
        let polled =
            ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"];
        self.status.as_deref().is_some_and(|status| polled.contains(&status))
    }

    /// Returns whether what Magnum last did with it failed.
    pub fn has_failed(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.ends_with("_FAILED"))
    }

    /// Returns its status, with the reason where there is one.
    pub fn standing(&self) -> String {
        let status = self.status.as_deref().unwrap_or("without a status");
        match self.status_reason.as_deref().filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("{status}: {}", error_sentence(reason)),
            None => status.to_owned(),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(stack_id: Option<&str>) -> Cluster {
        Cluster {
            uuid: "u".into(),
            name: "c".into(),
            project_id: Some("47F96049-4aa7".into()),
            cluster_template_id: "t".into(),
            stack_id: stack_id.map(str::to_owned),
            status: Some("CREATE_FAILED".into()),
            status_reason: None,
            health_status: None,
            health_status_reason: None,
            api_address: None,
            created_at: None,
        }
    }

    #[test]
    fn a_helm_release_is_told_from_a_heat_stack() {
        assert!(cluster(Some("c9-cyusd2b67a45")).is_capi());
        assert!(!cluster(Some("49dc23f5-ffc9-40c3-9d34-7be7f9e34d63")).is_capi());
        assert!(!cluster(None).is_capi(), "no driver has begun");
        let shape = "zzzzzzzz-ffc9-40c3-9d34-7be7f9e34d63";
        assert!(cluster(Some(shape)).is_capi(), "a release may have a UUID's shape");
    }

    #[test]
    fn a_namespace_is_what_the_driver_makes_of_a_project() {
        assert_eq!(cluster(None).helm_namespace("magnum").unwrap(), "magnum-47f960494aa7");
    }

    #[test]
    fn the_sentence_that_matters_is_told() {
        let helm = "Unexpected error while running command.\nCommand: helm upgrade c9\nStderr: 'W1121 deprecated\nError: UPGRADE FAILED: no matches for kind \"Cluster\"\n'";
        let failed = Cluster { status_reason: Some(helm.into()), ..cluster(None) };
        insta::assert_snapshot!(failed.standing(), @r#"CREATE_FAILED: Error: UPGRADE FAILED: no matches for kind "Cluster""#);
    }
}
