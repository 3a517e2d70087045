//! Where the driver has to be allowed what it needs.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::PolicyRule;
use omega_driver::Need;
use serde::{Deserialize, Serialize};

use crate::Namespace;

/// Where the driver keeps clusters.
///
/// It has a namespace for each project, `magnum-<project id>`, and makes it by server-side apply
/// before each create (1.4.0, `driver.py:1250`). RBAC has no patterns for names, so there are two
/// shapes and nothing in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// In these namespaces, which are made here: the driver may then make none, and a project is
    /// added by minting again.
    Namespaces(BTreeSet<Namespace>),
    /// Everywhere, as the driver makes namespaces of names that are not known yet. The rights on
    /// secrets then hold in every namespace, and whoever may make secrets anywhere can have the
    /// token of any `ServiceAccount`: this is short of an administrator in name only.
    Everywhere,
}

/// Returns the rules of a role that gives these needs: one for each resource, in order.
pub(super) fn rules(needs: &BTreeSet<Need>) -> Vec<PolicyRule> {
    let mut verbs: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for Need { group, resource, verb } in needs {
        verbs.entry((group, resource)).or_default().push(verb.clone());
    }
    let rule = |((group, resource), verbs): ((&str, &str), Vec<String>)| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        verbs,
        ..PolicyRule::default()
    };
    verbs.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use omega_driver::{DriverRelease, Overrides, driver_needs};

    use super::{PolicyRule, rules};

    /// Read against the driver's source, one by one.
    #[test]
    fn the_least_of_1_4_0() {
        let needs = driver_needs(&DriverRelease::v1_4_0(), &Overrides::default(), false);
        let line = |rule: PolicyRule| {
            let words = |words: Option<Vec<String>>| words.unwrap().join(" ");
            let (groups, resources) = (words(rule.api_groups), words(rule.resources));
            format!("{groups}/{resources}: {}", rule.verbs.join(" "))
        };
        let lines: Vec<_> = rules(&needs).into_iter().map(line).collect();
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
}
