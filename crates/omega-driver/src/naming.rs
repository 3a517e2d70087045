//! How the driver names the objects that it creates.
//!
//! The rules are the same in 1.1.0 to 1.4.0, except for application credentials. Source:
//! `magnum_capi_helm/driver_utils.py` and `driver.py` in those packages.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{DriverRelease, options::read_back, release::Source};

/// The default of the option `namespace_prefix`, in all releases.
pub const DEFAULT_NAMESPACE_PREFIX: &str = "magnum";
/// The label on a cluster's secrets that holds Magnum's id of the cluster (1.4.0,
/// `driver.py:459`). The driver deletes the secrets by this label (`driver.py:346`).
pub const CLUSTER_UUID_LABEL: &str = "magnum.openstack.org/cluster-uuid";
/// The label on an addon that holds the [`StackId`] of its cluster (1.4.0, `driver.py:303`).
pub const ADDON_LABEL: &str = "addons.stackhpc.com/cluster";
/// The key of the cloud's configuration in the secret [`StackId::cloud_credentials`].
pub const CLOUDS_YAML: &str = "clouds.yaml";
/// The key of the cloud's CA certificates in that secret.
pub const CACERT: &str = "cacert";
/// The name of the cloud in `clouds.yaml` (1.4.0, `common/app_creds.py:91`).
pub const CLOUD: &str = "openstack";

/// The driver's option `namespace_prefix`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamespacePrefix(String);

impl Default for NamespacePrefix {
    fn default() -> Self {
        Self(DEFAULT_NAMESPACE_PREFIX.to_owned())
    }
}

impl NamespacePrefix {
    /// Returns the prefix with this text.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self(prefix.into())
    }

    /// Returns the prefix that these options of `[capi_helm]`, as written in the drop-in, set.
    pub fn of_options(options: &BTreeMap<String, String>) -> Self {
        options.get("namespace_prefix").map_or_else(Self::default, |line| Self(read_back(line)))
    }

    /// Returns the prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the namespace of a project's clusters, `magnum-<project id>`.
    ///
    /// As in `cluster_namespace` (`driver_utils.py:25`), the id is converted to lower case before
    /// everything but ASCII letters and digits is dropped, so `K` (the Kelvin sign) becomes `k`.
    pub fn namespace(&self, project_id: &str) -> String {
        let project: String = project_id.to_lowercase().chars().filter(is_plain).collect();
        format!("{}-{project}", self.0)
    }
}

impl fmt::Display for NamespacePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the id of the project whose clusters are in `namespace`, if its name ends with a
/// Keystone id: 32 hexadecimal digits.
pub fn project_of(namespace: &str) -> Option<&str> {
    let (_, project) = namespace.rsplit_once('-')?;
    let is_id = project.len() == 32 && project.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(project)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "filter passes a reference")]
fn is_plain(c: &char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// Returns `sanitized_name(name)` (`driver_utils.py:33`): in lower case, with one hyphen for each
/// run of other characters.
pub fn sanitized(name: &str) -> String {
    let name = name.to_lowercase();
    let words = name.split(|c| !is_plain(&c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Magnum's `stack_id` of a cluster: the name of its helm release and of its Cluster.
///
/// The driver builds it once from the cluster's name and 12 random letters and digits (1.4.0,
/// `driver.py:1219`). If the name is truncated after a hyphen, the id has two in a row
/// (`production-kubernetes-cluster--cyusd2b67a45`). The helm release, the Cluster and the objects
/// of the chart and of Cluster API use the id as it is; names that the driver builds itself have
/// one hyphen there ([`StackId::object`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StackId(String);

/// The length of the random part.
const RANDOM: usize = 12;
/// The length to which a cluster's name is truncated (`driver.py:1230`).
const TRIMMED: usize = 30;

impl StackId {
    /// Returns the id, or `None` if the text is empty: the driver treats that as no id.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        Some(text.into()).filter(|text| !text.is_empty()).map(Self)
    }

    /// Returns the id as text: the name of the helm release and of the Cluster.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the name of a helm release. The id of a Heat stack is a UUID.
    pub fn is_helm_release(&self) -> bool {
        !is_uuid(&self.0)
    }

    /// Returns whether a cluster named `name` can have this id.
    pub fn can_be_of(&self, name: &str) -> bool {
        let trimmed: String = sanitized(name).chars().take(TRIMMED).collect();
        let random = self.0.strip_prefix(&trimmed).and_then(|rest| rest.strip_prefix('-'));
        random.is_some_and(|random| {
            random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }

    /// Returns the driver's name for an object of the cluster (`get_k8s_resource_name`,
    /// `driver_utils.py:44`). With an empty suffix it is the name of the Cluster and of the
    /// `OpenStackCluster` in the driver's health code (`common/capi_monitor.py:107`, `:130`); other
    /// code uses [`StackId::as_str`].
    pub fn object(&self, suffix: &str) -> String {
        if suffix.is_empty() {
            sanitized(&self.0)
        } else {
            sanitized(&format!("{}-{suffix}", self.0))
        }
    }

    /// Returns the name of the control plane.
    pub fn control_plane(&self) -> String {
        self.object("control-plane")
    }

    /// Returns the name of the `MachineDeployment` of a node group.
    pub fn machine_deployment(&self, node_group: &str) -> String {
        self.object(node_group)
    }

    /// Returns the name of the secret with the application credential (1.4.0, `driver.py:604`). The
    /// driver passes it to the chart as `cloudCredentialsSecretName` (`driver.py:1017`).
    pub fn cloud_credentials(&self) -> String {
        self.object("cloud-credentials")
    }

    /// Returns the names of the secrets with the CAs. The driver writes them before it installs the
    /// chart (1.4.0, `common/ca_certificates.py:46`).
    pub fn certificates(&self) -> [String; 4] {
        ["ca", "etcd", "proxy", "sa"].map(|of| self.object(of))
    }

    /// Returns the name of the secret with the cluster's kubeconfig. Cluster API creates it and
    /// names it after the Cluster (v1.13.2, `util/secret/secret.go`, `Name`).
    pub fn kubeconfig(&self) -> String {
        format!("{}-kubeconfig", self.0)
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Returns whether the driver created the application credential with this name for the cluster:
/// `magnum-<cluster's id>` before 1.4.0 (`common/app_creds.py:56`), followed by a hyphen and 8
/// hexadecimal digits since 1.4.0 (`common/app_creds.py:66`).
pub fn is_application_credential(name: &str, cluster_uuid: &str) -> bool {
    let rest = name.strip_prefix("magnum-").and_then(|rest| rest.strip_prefix(cluster_uuid));
    let is_token = |token: &str| token.len() == 8 && token.bytes().all(|b| b.is_ascii_hexdigit());
    match rest {
        Some("") => true,
        Some(rest) => rest.strip_prefix('-').is_some_and(is_token),
        None => false,
    }
}

impl DriverRelease {
    /// Returns whether it leaves the application credential in Keystone when it deletes a cluster
    /// that `maker` created. Since 1.4.0, each credential has a unique name and is found through
    /// the secret; older releases find it by the cluster's id (1.3.0, `common/app_creds.py:94`).
    pub fn leaves_credentials_of(&self, maker: &Self) -> bool {
        maker.source() >= Source::V1_4_0 && self.source() < Source::V1_4_0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(text: &str) -> StackId {
        StackId::new(text).unwrap()
    }

    #[test]
    fn a_namespace_is_named_after_its_project() {
        let magnum = NamespacePrefix::default();
        assert_eq!(magnum.namespace("47F96049-4aa7"), "magnum-47f960494aa7");
        assert_eq!(magnum.namespace("0A-bc_9"), "magnum-0abc9");
        assert_eq!(magnum.namespace("\u{212a}1\u{e9}"), "magnum-k1", "lower case comes first");
        let set = BTreeMap::from([("namespace_prefix".to_owned(), "capi".to_owned())]);
        assert_eq!(NamespacePrefix::of_options(&set).namespace("1"), "capi-1");
        assert_eq!(NamespacePrefix::of_options(&BTreeMap::new()), magnum);
        assert_eq!((magnum.as_str(), magnum.to_string()), ("magnum", "magnum".to_owned()));
        assert_eq!(stack("c1-b3mdwq5cz7lx").as_str(), "c1-b3mdwq5cz7lx");
    }

    #[test]
    fn the_project_is_read_from_a_namespace() {
        let id = "6741a4d1b29346e5a2f4c6ad38f0a2c1";
        assert_eq!(project_of(&format!("magnum-{id}")), Some(id));
        assert_eq!(project_of(&format!("a-b-{id}")), Some(id));
        for other in [id, "magnum-1", "magnum-6741a4d1b29346e5a2f4c6ad38f0a2cx", "magnum-", ""] {
            assert_eq!(project_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_helm_release_is_told_from_a_heat_stack() {
        assert!(stack("c9-cyusd2b67a45").is_helm_release());
        assert!(!stack("49dc23f5-ffc9-40c3-9d34-7be7f9e34d63").is_helm_release());
        assert_eq!(StackId::new(""), None, "no driver has started");
        let shape = "zzzzzzzz-ffc9-40c3-9d34-7be7f9e34d63";
        assert!(stack(shape).is_helm_release(), "a release may have a UUID's shape");
    }

    #[test]
    fn a_name_becomes_a_stack() {
        for (name, id, can) in [
            ("c1", "c1-b3mdwq5cz7lx", true),
            ("C1", "c1-b3mdwq5cz7lx", true),
            ("c1.green", "c1-green-b3mdwq5cz7lx", true),
            ("c1", "c1-green-b3mdwq5cz7lx", false),
            ("c1", "c1-short", false),
            ("c", "c1-b3mdwq5cz7lx", false),
            ("__c1__", "c1-b3mdwq5cz7lx", true),
            ("", "c1-b3mdwq5cz7lx", false),
            (
                "production-kubernetes-cluster-one",
                "production-kubernetes-cluster--b3mdwq5cz7lx",
                true,
            ),
            (
                "production-kubernetes-cluster-one",
                "production-kubernetes-cluster-b3mdwq5cz7lx",
                false,
            ),
        ] {
            assert_eq!(stack(id).can_be_of(name), can, "{name} {id}");
        }
    }

    #[test]
    fn objects_are_named_as_the_driver_names_them() {
        let id = stack("c1-cyusd2b67a45");
        assert_eq!(id.control_plane(), "c1-cyusd2b67a45-control-plane");
        assert_eq!(id.machine_deployment("GPU nodes!"), "c1-cyusd2b67a45-gpu-nodes");
        assert_eq!(id.cloud_credentials(), "c1-cyusd2b67a45-cloud-credentials");
        assert_eq!(id.certificates()[3], "c1-cyusd2b67a45-sa");
        assert_eq!(id.kubeconfig(), "c1-cyusd2b67a45-kubeconfig");
        assert_eq!(stack("-C_1-").object(""), "c-1");
        assert_eq!(stack("--").object(""), "", "nothing is left of it");
    }

    #[test]
    fn two_hyphens_make_the_cluster_and_its_secrets_differ() {
        let id = stack("production-kubernetes-cluster--cyusd2b67a45");
        assert_eq!(
            id.cloud_credentials(),
            "production-kubernetes-cluster-cyusd2b67a45-cloud-credentials"
        );
        assert_eq!(id.kubeconfig(), "production-kubernetes-cluster--cyusd2b67a45-kubeconfig");
    }

    #[test]
    fn an_application_credential_is_known_by_its_name() {
        let uuid = "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63";
        for (name, ours) in [
            (format!("magnum-{uuid}"), true),
            (format!("magnum-{uuid}-0a1b2c3d"), true),
            (format!("magnum-{uuid}-0a1b2c3"), false),
            (format!("magnum-{uuid}-0a1b2c3x"), false),
            (format!("magnum-{uuid}0"), false),
            (format!("magnum-{uuid}-"), false),
            (format!("x-magnum-{uuid}"), false),
            ("magnum-".to_owned(), false),
        ] {
            assert_eq!(is_application_credential(&name, uuid), ours, "{name}");
        }
        let (old, new) = (DriverRelease::v1_3_0(), DriverRelease::v1_4_0());
        assert!(old.leaves_credentials_of(&new));
        assert!(!new.leaves_credentials_of(&old) && !old.leaves_credentials_of(&old));
        assert!(!new.leaves_credentials_of(&new));
    }
}
