//! `cluster-count`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "cluster-count",
    decision: Some("D-009"),
    severity: Severity::Broken,
    reason: "hacluster stays blocked until it has cluster_count units, and the charm beside it waits for that: with one unit the count must be 1, which D-009 does not say.",
    source: "openstack/charm-hacluster config.yaml (cluster_count: 3) and hooks/hooks.py, stable/2.4; openstack/charm-keystone hooks/keystone_hooks.py",
};

/// The charm's default.
const DEFAULT: u32 = 3;

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits = Vec::new();
    for hacluster in bundle.of("hacluster") {
        let set = hacluster.option_text("cluster_count").map(str::parse::<u32>);
        let count = match set {
            Some(Ok(count)) => count,
            Some(Err(_)) => continue,
            None => DEFAULT,
        };
        let principals = bundle.relations_of(&hacluster.name).filter_map(|(own, other)| {
            let is_ha = own.endpoint.as_deref().is_none_or(|own| own == "ha");
            bundle.application(&other.application).filter(|_| is_ha)
        });
        for principal in principals {
            let Some(units) = principal.units().filter(|units| (1..count).contains(units)) else {
                continue;
            };
            let summary = format!(
                "cluster_count is {count}, but {} has {units} unit{}: hacluster stays blocked",
                principal.name,
                if units == 1 { "" } else { "s" }
            );
            let place = hacluster.option_place("cluster_count");
            hits.push(Hit::new(
                place,
                &hacluster.name,
                summary,
                format!("set cluster_count: {units}"),
            ));
        }
    }
    hits
}
