//! `vip-twice`

use omega_core::Severity;

use super::{Hit, Input, Rule, vips};

pub(super) const RULE: Rule = Rule {
    id: "vip-twice",
    decision: Some("D-020"),
    severity: Severity::Broken,
    reason: "Two clusters would both claim the address.",
    source: "openstack/charm-hacluster hooks/utils.py: each vip becomes a resource of its cluster",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let all: Vec<_> = input
        .bundle
        .applications
        .iter()
        .flat_map(|one| vips(one).into_iter().map(move |vip| (one, vip)))
        .collect();
    let mut hits = Vec::new();
    for (nth, (application, vip)) in all.iter().enumerate() {
        let Some((other, _)) = all
            .iter()
            .take(nth)
            .find(|(other, earlier)| earlier == vip && other.name != application.name)
        else {
            continue;
        };
        let summary = format!("{} has the virtual IP {vip} too", other.name);
        hits.push(Hit::new(
            application.option_place("vip"),
            &application.name,
            summary,
            "give each its own address",
        ));
    }
    hits
}
