use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::PolicyRule;
use omega_driver::Need;
use serde::{Deserialize, Serialize};

use crate::Namespace;

/// The namespaces in which the driver has its rights.
///
/// The driver uses a namespace for each project, `magnum-<project id>`, and creates it by server-side
/// apply before each create (1.4.0, `driver.py:1250`). As RBAC has no patterns for names, there is
/// nothing between these two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// These namespaces, which omega creates. The driver may not create others; minting again adds a
    /// project.
    Namespaces(BTreeSet<Namespace>),
    /// All namespaces, as the names of future projects are not known. The rights on secrets are
    /// cluster-wide, and who may create secrets can get the token of any `ServiceAccount`: this is
    /// equivalent to an administrator.
    Everywhere,
}

/// Returns the rules for these needs, one for each resource.
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
