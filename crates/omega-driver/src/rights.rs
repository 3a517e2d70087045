//! The RBAC rights that the driver needs on the management cluster.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{DriverRelease, Overrides, driver_reads};

/// One RBAC right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// The RBAC verb.
    pub verb: String,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)
    }
}

/// What helm 3 does with the objects of a chart. It needs neither `list` nor `watch`, because the
/// driver does not pass `--wait` (1.4.0, `helm.py:72-135`).
const CHART: [&str; 4] = ["create", "delete", "get", "patch"];

/// The kinds of `openstack-cluster` 0.4.0 to 0.27.0, with every component that the driver can
/// enable except the autoscaler.
const CHART_KINDS: [(&str, &str); 9] = [
    ("addons.stackhpc.com", "helmreleases"),
    ("addons.stackhpc.com", "manifests"),
    ("bootstrap.cluster.x-k8s.io", "kubeadmconfigtemplates"),
    ("cluster.x-k8s.io", "clusters"),
    ("cluster.x-k8s.io", "machinedeployments"),
    ("cluster.x-k8s.io", "machinehealthchecks"),
    ("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes"),
    ("infrastructure.cluster.x-k8s.io", "openstackclusters"),
    ("infrastructure.cluster.x-k8s.io", "openstackmachinetemplates"),
];

/// The chart's `autoscaler/*.yaml`, which the label `auto_scaling_enabled` enables.
const AUTOSCALER_KINDS: [(&str, &str); 4] = [
    ("", "serviceaccounts"),
    ("apps", "deployments"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

/// The rules of the autoscaler's Role: RBAC lets nobody grant rights that they do not have.
const AUTOSCALER_ROLE: [(&str, &[&str]); 5] = [
    ("machinedeployments", &["get", "list", "update", "watch"]),
    ("machinedeployments/scale", &["get", "patch", "update"]),
    ("machinepools", &["get", "list", "update", "watch"]),
    ("machines", &["get", "list", "update", "watch"]),
    ("machinesets", &["get", "list", "update", "watch"]),
];

/// Returns the rights that `driver` needs for its own calls and for helm. Sources: 1.4.0
/// `kubernetes.py:150-215` and [`driver_reads`]; helm stores releases in secrets (get, list,
/// create, update, delete).
///
/// `deletecollection` is for `delete_all_secrets_by_label` (`kubernetes.py:289`): without it, the
/// delete of a cluster never ends. `list helmchartproxies` is needed even where that kind is not
/// installed: the driver ignores a 404 but not a 403 (`kubernetes.py:204`).
pub fn driver_needs(
    driver: &DriverRelease,
    overrides: &Overrides,
    autoscaler: bool,
) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    let mut need = |group: &str, resource: &str, verbs: &[&str]| {
        needs.extend(verbs.iter().map(|verb| Need {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: (*verb).to_owned(),
        }));
    };
    let secrets = ["create", "delete", "deletecollection", "get", "list", "patch", "update"];
    need("", "secrets", &secrets);
    need("", "namespaces", &["patch"]);
    for read in driver_reads(driver, overrides) {
        need(&read.at.group, &read.plural, &[read.class.verb()]);
    }
    for (group, resource) in CHART_KINDS {
        need(group, resource, &CHART);
    }
    if autoscaler {
        for (group, resource) in AUTOSCALER_KINDS {
            need(group, resource, &CHART);
        }
        for (resource, verbs) in AUTOSCALER_ROLE {
            need("cluster.x-k8s.io", resource, verbs);
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::driver_needs;
    use crate::{DriverRelease, Overrides};

    /// Read against the driver's source, one by one.
    #[test]
    fn the_least_of_1_4_0() {
        let needs = driver_needs(&DriverRelease::v1_4_0(), &Overrides::default(), false);
        let mut rules: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for need in &needs {
            rules.entry(format!("{}/{}", need.group, need.resource)).or_default().push(&*need.verb);
        }
        let lines: Vec<_> =
            rules.into_iter().map(|(what, verbs)| format!("{what}: {}", verbs.join(" "))).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
    /namespaces: patch
    /secrets: create delete deletecollection get list patch update
    addons.cluster.x-k8s.io/helmchartproxies: list
    addons.stackhpc.com/helmreleases: create delete get list patch
    addons.stackhpc.com/manifests: create delete get list patch
    bootstrap.cluster.x-k8s.io/kubeadmconfigtemplates: create delete get patch
    cluster.x-k8s.io/clusters: create delete get patch
    cluster.x-k8s.io/machinedeployments: create delete get patch
    cluster.x-k8s.io/machinehealthchecks: create delete get patch
    cluster.x-k8s.io/machines: list
    controlplane.cluster.x-k8s.io/kubeadmcontrolplanes: create delete get patch
    infrastructure.cluster.x-k8s.io/openstackclusters: create delete get patch
    infrastructure.cluster.x-k8s.io/openstackmachinetemplates: create delete get patch
    ");
    }

    #[test]
    fn an_older_driver_and_an_override_need_what_they_read() {
        let has = |driver: DriverRelease, overrides: &str, what: &str| {
            let overrides = Overrides::of_value(overrides).unwrap();
            driver_needs(&driver, &overrides, false).iter().any(|need| need.to_string() == what)
        };
        let proxies = "list helmchartproxies.addons.cluster.x-k8s.io";
        assert!(has(DriverRelease::v1_4_0(), "{}", proxies));
        assert!(!has(DriverRelease::v1_3_0(), "{}", proxies));
        let other = r#"{"K8sControlPlane": {"api_version": "x.org/v1", "plural_name": "planes"}}"#;
        assert!(has(DriverRelease::v1_4_0(), other, "get planes.x.org"));
        assert!(!has(DriverRelease::v1_3_0(), other, "get planes.x.org"));
    }
}
