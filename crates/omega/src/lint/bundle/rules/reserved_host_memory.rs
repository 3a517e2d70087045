//! `reserved-host-memory`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    id: "reserved-host-memory",
    decision: Some("D-040"),
    severity: Severity::Broken,
    reason: "Nova does not see the memory of what shares the host with it: the kernel kills guests before Nova runs out.",
    source: "openstack/charm-nova-compute config.yaml: reserved-host-memory is 512 (MB) by default",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let least = input.policy.reserved_host_memory;
    let mut hits = Vec::new();
    for compute in input.bundle.of("nova-compute") {
        let set = compute.option("reserved-host-memory");
        let value = set.and_then(|value| value.text());
        if value
            .and_then(|text| text.parse::<u32>().ok())
            .is_some_and(|megabytes| megabytes >= least)
        {
            continue;
        }
        let is =
            value.map_or("not set, and 512 MB by default".to_owned(), |text| format!("{text:?}"));
        let summary = format!("reserved-host-memory is {is}; this cloud's hosts need {least} MB");
        let hit = Hit::new(
            compute.option_place("reserved-host-memory"),
            &compute.name,
            summary,
            format!("set reserved-host-memory: {least}"),
        );
        hits.push(match set {
            Some(value) => hit.fix(value.text(), &least.to_string()),
            None => hit,
        });
    }
    hits
}
