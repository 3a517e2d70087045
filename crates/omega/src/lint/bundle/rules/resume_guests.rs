//! `resume-guests`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    id: "resume-guests",
    decision: Some("D-043"),
    severity: Severity::Broken,
    reason: "Whether guests start again with their host is for the site to decide; D-043 is only proposed.",
    source: "openstack/charm-nova-compute config.yaml: resume-guests-state-on-host-boot is false by default",
};

const OPTION: &str = "resume-guests-state-on-host-boot";

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    // Without a decision of the site nothing is wrong.
    let Some(wanted) = input.policy.resume_guests else { return Vec::new() };
    let mut hits = Vec::new();
    for compute in input.bundle.of("nova-compute") {
        let set = compute.option_flag(OPTION);
        if set.unwrap_or(false) == wanted {
            continue;
        }
        let is = set.map_or("not set, and false by default".to_owned(), |set| set.to_string());
        let summary = format!("{OPTION} is {is}; the site file says {wanted}");
        let hit = Hit::new(
            compute.option_place(OPTION),
            &compute.name,
            summary,
            format!("set {OPTION}: {wanted}"),
        );
        hits.push(match compute.option(OPTION) {
            Some(value) => hit.fix(value.text(), &wanted.to_string()),
            None => hit,
        });
    }
    hits
}
