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
    use omega_driver::Need;

    use super::{PolicyRule, rules};

    #[test]
    fn a_resource_has_one_rule_with_all_its_verbs() {
        let need = |group: &str, resource: &str, verb: &str| Need {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
        };
        let core = "cluster.x-k8s.io";
        let needs = [
            need("", "secrets", "list"),
            need(core, "clusters", "get"),
            need("", "secrets", "get"),
        ];
        let rule = |group: &str, resource: &str, verbs: &[&str]| PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: Some(vec![resource.to_owned()]),
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            ..PolicyRule::default()
        };
        let expected = [rule("", "secrets", &["get", "list"]), rule(core, "clusters", &["get"])];
        assert_eq!(rules(&needs.into()), expected);
    }
}
