//! `default-nodes`

use omega_core::{Severity, Subject};
use omega_openstack::network::{Cidr, DEFAULT_NODES};

use super::super::of_site::{described, known};
use super::{Input, LintFinding, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    id: "default-nodes",
    decision: Some("D-016"),
    severity: Severity::Warning,
    reason: "Without the label fixed_subnet_cidr the driver takes 10.0.0.0/24 for the nodes of every cluster, which is not in the pool.",
    source: "magnum-capi-helm 1.4.0, conf.py: the default of fixed_subnet_cidr",
};

pub(in crate::lint) const REMEDY: &str =
    "set the label fixed_subnet_cidr to a /24 of the pool, here or for each cluster";

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let site = &input.site.site;
    let default = site.capi_helm_cluster_labels.get("fixed_subnet_cidr");
    let nodes = default.map_or(DEFAULT_NODES, String::as_str);
    let is_outside = is_outside(nodes, known(input.site).pool);
    let without = described(input.site)
        .into_iter()
        .filter(|one| is_outside && one.shape.has_own_network() && !one.shape.names_node_cidr());
    without
        .map(|one| {
            let summary = format!("it names no fixed_subnet_cidr: its clusters get {nodes}");
            let position = input.site.places.nearest(&one.label("fixed_subnet_cidr"));
            RULE.found(position, Subject::new("cluster", &one.name), summary, REMEDY)
        })
        .collect()
}

/// Returns whether nodes with these addresses are outside the pool.
pub(in crate::lint) fn is_outside(nodes: &str, pool: Option<Cidr>) -> bool {
    let nodes: Option<Cidr> = nodes.parse().ok();
    pool.is_some_and(|pool| nodes.is_some_and(|nodes| !pool.contains(nodes)))
}
