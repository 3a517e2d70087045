//! `default-nodes`

use omega_openstack::network::DEFAULT_NODES;

use super::super::super::network::{of_site::known, rules};
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = rules::DEFAULT_NODES;

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let default = input.placed.site.capi_helm_cluster_labels.get("fixed_subnet_cidr");
    let nodes = default.map_or(DEFAULT_NODES, String::as_str);
    if !rules::is_outside(nodes, known(input.placed).pool) {
        return Vec::new();
    }
    let without = input.templates.iter().filter(|one| {
        one.facts.ours() && one.shape.has_own_network() && !one.shape.names_node_cidr()
    });
    without
        .map(|one| {
            let summary = format!("it names no fixed_subnet_cidr: its clusters get {nodes}");
            RULE.found(None, one.subject.clone(), summary, rules::NODES_REMEDY)
        })
        .collect()
}
