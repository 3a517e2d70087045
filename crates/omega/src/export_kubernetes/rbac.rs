//! The least rights on the management cluster.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{ExportOptions, name::PREFIX, object::labels};
use crate::drift::ManagementRead;

const GROUP: &str = "rbac.authorization.k8s.io";

fn metadata(options: &ExportOptions) -> ObjectMeta {
    ObjectMeta {
        name: Some(format!("{PREFIX}-{}", options.namespace)),
        labels: Some(labels(None)),
        ..ObjectMeta::default()
    }
}

/// Returns the role: one rule for each group and set of verbs.
pub(super) fn cluster_role(options: &ExportOptions, reads: &[ManagementRead]) -> ClusterRole {
    let mut verbs: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for read in reads {
        verbs.entry((read.group, read.resource)).or_default().extend(&read.verbs);
    }
    let mut rules: BTreeMap<(&str, BTreeSet<&str>), Vec<String>> = BTreeMap::new();
    for ((group, resource), verbs) in verbs {
        rules.entry((group, verbs)).or_default().push(resource.to_owned());
    }
    let rule = |((group, verbs), resources): ((&str, BTreeSet<&str>), Vec<String>)| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(resources),
        verbs: verbs.into_iter().map(str::to_owned).collect(),
        ..PolicyRule::default()
    };
    ClusterRole {
        metadata: metadata(options),
        rules: Some(rules.into_iter().map(rule).collect()),
        aggregation_rule: None,
    }
}

/// Gives the role to the account of the pods.
pub(super) fn cluster_role_binding(options: &ExportOptions) -> ClusterRoleBinding {
    let metadata = metadata(options);
    ClusterRoleBinding {
        role_ref: RoleRef {
            api_group: GROUP.to_owned(),
            kind: "ClusterRole".to_owned(),
            name: metadata.name.clone().unwrap_or_default(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: PREFIX.to_owned(),
            namespace: Some(options.namespace.to_string()),
            api_group: None,
        }]),
        metadata,
    }
}
